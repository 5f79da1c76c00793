"""Each rule that keeps people safe, in its own words, and the tests that prove it: "file::test"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_HERE = "test_safety.py::"
_FORGE = "forges/github/"
_DOCKER = "executors/docker/"
_GIT = "workspace/test_checkouts.py::"

TRUST: Final[Mapping[str, tuple[str, ...]]] = {
    "identity is the forge's numeric account id": (
        f"{_HERE}test_identity_is_the_numeric_account_id_and_never_a_name",
        "core/test_deciding.py::test_an_answer_about_another_account_is_a_no",
    ),
    "the permission is the one of the moment of acting": (
        "scenarios/test_commands.py::test_strangers_are_turned_away_once",
        "scenarios/test_buttons.py::test_who_may_not_write_presses_in_vain",
        "scenarios/test_lost_permission.py::test_an_author_who_may_not_write_any_more",
        "scenarios/test_lost_permission.py::test_an_approver_who_may_not_write_any_more_and_another_one",
    ),
    "a permission that cannot be read is a no": (
        f"{_HERE}test_a_permission_that_cannot_be_read_fails_closed",
        "flow/test_decide.py::test_a_permission_that_cannot_be_read_means_held",
        "scenarios/test_lost_permission.py::test_a_permission_that_cannot_be_read_any_more_is_a_no",
    ),
    "never commit author text": (
        f"{_HERE}test_author_association_and_commit_authors_are_read_nowhere",
        f"{_FORGE}test_translate.py::test_a_push_is_by_its_sender_and_never_by_the_commits_author",
    ),
    "never author_association": (
        f"{_HERE}test_author_association_and_commit_authors_are_read_nowhere",
    ),
    "never organisation membership alone": (
        f"{_HERE}test_being_a_member_of_the_organisation_is_not_enough",
    ),
    "approval is for one sha": (
        f"{_HERE}test_an_approval_is_recorded_for_exactly_one_commit",
        "store/test_trust.py::test_an_approval_lets_exactly_this_run_in",
    ),
    "what waits prints /approve and the whole sha": (
        "scenarios/test_commands.py::test_what_waits_says_what_to_look_at_and_how_to_approve",
    ),
    "a later push locks again": (
        "scenarios/test_commands.py::test_an_approved_sha_runs_and_the_next_one_waits",
    ),
    "a bare /approve counts for a head that was there well before": (
        f"{_HERE}test_a_bare_approval_counts_only_for_a_head_that_was_there_well_before_it",
        "scenarios/test_commands.py::test_a_bare_approval_right_after_a_push_gets_the_line_to_paste",
        (
            "flow/test_approval_races.py::"
            "test_moving_the_head_never_runs_an_unseen_sha_in_a_thousand_interleavings"
        ),
    ),
    "nobody approves their own pull request": (
        f"{_HERE}test_nobody_approves_their_own_pull_request",
        "scenarios/test_commands.py::test_nobody_approves_their_own_pull_request",
    ),
    "every pull-request action goes through the one gate": (
        f"{_HERE}test_every_action_of_a_strangers_pull_request_finds_the_gate_closed",
        (
            "scenarios/test_trust.py::"
            "test_reopening_a_strangers_pull_request_by_a_maintainer_does_not_run_it"
        ),
    ),
    "a retry, a button, a restart inherits the trust of the first attempt": (
        f"{_HERE}test_what_was_ruled_first_is_what_a_retry_keeps",
        "scenarios/test_trust.py::test_a_rerun_of_what_waits_keeps_waiting",
        "scenarios/test_buttons.py::test_who_may_not_write_presses_in_vain",
        "store/test_trust.py::test_a_withdrawn_approval_stops_what_has_not_started",
    ),
    "no trigger mixes base secrets with head code": (
        f"{_HERE}test_no_trigger_runs_a_head_with_the_secrets_of_its_base",
        "scenarios/test_secrets.py::test_an_outsiders_commit_sees_it_only_once_it_is_approved",
    ),
    "the aggregate check says what the table says": (
        "core/test_gate.py::test_where_no_job_runs_the_verdict_decides",
        "core/test_gate.py::test_jobs_of_one_run",
        "scenarios/test_gate.py::test_the_button_follows_the_gate",
        "scenarios/test_gate.py::test_a_job_that_ran_out_of_time_blocks_and_says_so",
        "scenarios/test_gate.py::test_what_a_person_cancelled_blocks_and_says_who",
    ),
    "skipped and neutral are never used for it": (f"{_HERE}test_the_gate_is_never_skipped_or_neutral",),
    "a retry writes only to its own sha": (
        f"{_HERE}test_a_retry_takes_runs_of_its_own_commit_alone",
        "core/test_deciding.py::test_superseded_runs_are_not_re_run",
    ),
    "/retry means the current head and says so": (
        f"{_HERE}test_retry_says_that_it_means_the_current_head",
        "core/chat/test_commands.py::test_retry_tries_what_failed_again",
    ),
}

WEBHOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "verify first, over the raw bytes": (
        f"{_HERE}test_the_signature_is_over_the_raw_bytes",
        "flow/test_receive.py::test_the_signature_is_verified_before_anything_else_is_read",
        "web/test_hooks.py::test_of_what_is_not_signed_no_body_is_read",
    ),
    "in constant time": (f"{_HERE}test_signatures_are_compared_in_constant_time_and_nowhere_else",),
    "a missing, empty, SHA-1-only or non-ASCII signature is a plain 401": (
        f"{_HERE}test_a_missing_empty_or_wrong_signature_is_refused",
        f"{_HERE}test_a_signature_of_sha_1_alone_is_refused",
        f"{_HERE}test_without_a_secret_everything_is_refused",
        "web/test_hooks.py::test_unsigned_and_wrongly_signed_is_401",
    ),
    "the body is bounded before it is read": (
        "web/test_hooks.py::test_too_long_by_its_own_account_is_413_before_it_is_sent",
        "web/test_hooks.py::test_too_long_without_saying_so_is_413",
    ),
    "no decompression": ("web/test_hooks.py::test_compressed_bodies_are_415",),
    "the body has the shape of its event": (
        f"{_HERE}test_a_body_must_have_its_events_own_shape",
        f"{_FORGE}test_translate.py::test_no_body_passes_as_another_event",
        f"{_FORGE}test_translate.py::test_a_signed_body_replayed_under_another_name_is_refused",
    ),
    "duplicates are recognised by what the body says as well as by id": (
        "flow/test_decide.py::test_the_same_event_twice_is_one_run",
        "flow/test_commands.py::test_a_comment_commands_once_whatever_is_delivered_again",
        (
            "store/test_inbox.py::"
            "test_a_redelivery_is_recognised_and_another_body_under_the_same_id_is_not_lost"
        ),
    ),
    "a tenant's secret opens that tenant's repositories only": (
        f"{_FORGE}test_translate.py::test_a_delivery_without_an_installation_is_refused_with_the_remedy",
        (
            f"{_FORGE}test_translate.py::"
            "test_a_pull_request_of_another_repository_than_the_deliverys_is_refused"
        ),
        (
            f"{_FORGE}test_auth.py::"
            "test_a_repository_that_is_not_installed_is_denied_and_not_missing_a_file"
        ),
    ),
    "hosts come from settings, never from a payload": (
        f"{_HERE}test_no_address_of_a_payload_is_ever_used",
    ),
    "only those hosts ever see a credential": (
        f"{_FORGE}test_api.py::test_only_the_configured_host_ever_sees_a_credential",
        f"{_GIT}test_a_redirect_is_not_followed_with_the_token",
    ),
    "hostile JSON is never a 5xx or a stopped worker": (
        f"{_HERE}test_hostile_json_is_a_refusal_and_never_a_crash",
        f"{_FORGE}test_webhook.py::test_any_bytes_are_an_event_or_none_or_a_bad_delivery",
        (
            f"{_FORGE}test_webhook.py::"
            "test_the_last_of_two_equal_keys_counts_and_is_checked_like_any_other"
        ),
        "web/test_hooks.py::test_signed_junk_is_400",
    ),
    "what fails a worker three times is set aside and the rest flow on": (
        "flow/test_decide.py::test_a_delivery_that_fails_three_times_by_our_own_fault_is_set_aside",
        "flow/test_decide.py::test_what_fails_holds_up_nothing_else",
    ),
}

COMMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "no comment that a person cannot see commands the bot": (
        f"{_HERE}test_no_comment_that_a_person_cannot_see_commands_the_bot",
    ),
    "edited comments do not command": (
        f"{_FORGE}test_translate.py::test_an_edited_comment_asks_nothing",
        "scenarios/test_commands.py::test_an_edited_comment_does_not_command",
    ),
    "the bot's own comments and other bots' do not either": (
        f"{_FORGE}test_translate.py::test_comments_of_bots_and_apps_ask_nothing",
    ),
}

GIT: Final[Mapping[str, tuple[str, ...]]] = {
    "one wrapper, argument lists": (
        f"{_HERE}test_programs_are_started_with_lists_in_three_places_alone",
    ),
    "--end-of-options before what comes from elsewhere": (
        f"{_HERE}test_git_takes_addresses_after_the_end_of_options",
        f"{_GIT}test_anything_but_a_url_without_credentials",
    ),
    "full shas": (f"{_GIT}test_anything_but_a_full_sha",),
    "GIT_ALLOW_PROTOCOL": (
        f"{_GIT}test_other_protocols",
        "workspace/test_git.py::test_it_asks_nobody_and_speaks_two_protocols",
    ),
    "no system or global configuration": ("workspace/test_git.py::test_nobodys_configuration_is_read",),
    "no prompts": ("workspace/test_git.py::test_it_asks_nobody_and_speaks_two_protocols",),
    "hooks, filters and LFS off, submodules only when asked for": (
        f"{_GIT}test_filters_hooks_and_submodules_run_nothing",
    ),
    "the token serves one fetch by one process": (
        f"{_GIT}test_it_is_in_no_argument_list",
        "workspace/test_git.py::test_the_token_goes_to_its_own_host_in_one_process_alone",
    ),
    "it is in no configuration, no URL, no workspace": (f"{_GIT}test_it_is_in_no_file",),
}

CONTAINERS: Final[Mapping[str, tuple[str, ...]]] = {
    "a step is confined": (
        f"{_DOCKER}test_confinement.py::test_the_engine_confines_a_step",
        f"{_DOCKER}test_confinement.py::test_no_privilege_is_to_be_had",
    ),
    "a secret is in nothing that the engine tells": (
        f"{_DOCKER}test_confinement.py::test_a_secret_is_in_nothing_that_the_engine_tells",
        f"{_DOCKER}test_confinement.py::test_a_secret_leaves_the_disk_with_its_step",
        f"{_DOCKER}test_convert.py::test_neither_script_nor_environment_is_in_the_request",
        "scenarios/test_secrets.py::test_a_step_gets_what_it_names_and_nobody_sees_it",
    ),
    "names from YAML never reach a shell on the server": (
        f"{_HERE}test_programs_are_started_with_lists_in_three_places_alone",
        f"{_DOCKER}test_script.py::test_a_quoted_text_is_one_word",
        "archive/test_logs.py::test_only_our_own_ids_become_paths",
    ),
    "bot-owned containers take no environment from the user": (
        f"{_HERE}test_our_own_containers_take_no_environment",
    ),
    "a secret named PATH, LD_PRELOAD or CI_* is refused when saved": (
        f"{_HERE}test_a_secret_is_not_called_what_a_shell_or_a_loader_obeys",
        "cli/test_secret.py::test_what_cannot_be_done_is_said_in_words",
        "core/test_secret_names.py::test_what_programs_obey_is_refused_in_any_case",
    ),
    "what one repository pulled with its credentials is not there for another": (
        f"{_DOCKER}test_images.py::test_what_one_repository_pulled_is_not_there_for_another",
        f"{_DOCKER}test_images.py::test_nor_by_its_id",
    ),
}

MASKING: Final[Mapping[str, tuple[str, ...]]] = {
    "as is, each line, base64 at all alignments, URL, JSON, shell": (
        f"{_HERE}test_every_form_of_a_secret_is_masked_across_any_cut",
        "core/test_mask.py::test_forms_that_tools_print",
        "core/test_mask.py::test_lines_of_a_key_are_masked_one_by_one",
        "core/test_mask.py::test_what_bash_prints",
    ),
    "longest first, overlaps merged": (
        "core/test_mask.py::test_overlapping_and_touching_secrets_become_one_mask",
        "core/test_mask.py::test_whole_texts_are_masked_as_the_reference_does",
    ),
    "before any escaping, cutting or storing": (
        "archive/test_logs.py::test_secrets_never_reach_the_disk",
        "archive/test_logs.py::test_a_killed_process_leaves_a_prefix_of_the_masked_stream",
        "flow/test_known.py::test_every_value_is_masked_as_soon_as_it_is_told",
    ),
    "across chunk borders": ("core/test_mask.py::test_every_cut_gives_the_same",),
    "on every surface": (
        "scenarios/test_secrets.py::test_a_step_gets_what_it_names_and_nobody_sees_it",
        "scenarios/test_secrets.py::test_a_title_that_holds_a_secret_is_masked_wherever_we_show_it",
        "scenarios/test_secrets.py::test_a_planted_leak_is_found",
        "flow/test_steps.py::test_tokens_minted_so_far_are_masked_in_logs_and_in_our_own_words",
    ),
    "also what was replaced while a step has it": (
        (
            "scenarios/test_secrets_in_trouble.py::"
            "test_killed_while_a_step_has_a_secret_that_is_replaced_meanwhile"
        ),
        "secrets/test_vault.py::test_what_was_replaced_and_removed_is_masked_until_it_is_forgotten",
    ),
    "one- and two-character secrets and words are not masked, and saving one warns": (
        f"{_HERE}test_what_cannot_be_masked_is_warned_of",
        "cli/test_secret.py::test_what_cannot_be_masked_is_warned_of",
        "core/test_secret_names.py::test_the_warning_is_what_the_masker_does",
    ),
    "every token minted is registered with the masker": (
        f"{_FORGE}test_auth.py::test_every_token_minted_is_registered_with_the_masker",
    ),
}

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "tokens are minted for one repository and the least permissions": (
        f"{_FORGE}test_auth.py::test_a_token_is_minted_for_one_repository_and_the_least_permissions",
        f"{_FORGE}test_auth.py::test_no_grant_is_more_than_reading_but_for_the_one_thing_it_writes",
    ),
    "kept until five minutes before they expire": (
        f"{_FORGE}test_auth.py::test_a_token_is_kept_until_five_minutes_before_it_expires",
    ),
    "revoked at shutdown": (f"{_FORGE}test_auth.py::test_tokens_are_revoked_at_shutdown",),
    "jobs get none": (
        f"{_HERE}test_the_environment_of_a_step_holds_no_credential",
        f"{_GIT}test_it_is_in_no_file",
    ),
    "their length and form are not assumed": (
        f"{_FORGE}test_auth.py::test_a_token_may_have_any_form_and_length",
    ),
    "JWTs are issued 60 s back and live nine minutes at most": (
        f"{_FORGE}test_auth.py::test_a_jwt_is_issued_a_minute_back_and_lives_nine_minutes_at_most",
    ),
    "the App asks for what it needs and never to write contents": (
        f"{_HERE}test_the_app_asks_for_the_least_permissions",
        f"{_FORGE}test_manifest.py::test_the_manifest_asks_for_what_the_code_needs_and_nothing_else",
        f"{_FORGE}test_manifest.py::test_the_app_never_asks_to_write_contents",
    ),
}

RULES: Final[Mapping[str, tuple[str, ...]]] = {
    f"{chapter}: {rule}": tests
    for chapter, rules in (
        ("trust", TRUST),
        ("webhooks", WEBHOOKS),
        ("comments", COMMENTS),
        ("git", GIT),
        ("containers", CONTAINERS),
        ("masking", MASKING),
        ("keys and tokens", KEYS),
    )
    for rule, tests in rules.items()
}
