"""GitLab: `GitLabWebhook` reads what it sends, `GitLab` asks it and shows it things. Built by `wiring`."""
