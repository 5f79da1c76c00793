"use strict";
// The page as a whole: folds, links to lines, the keyboard, and what the server tells while the run goes on.

const root = document.getElementById("page");
const details = [...document.querySelectorAll("details.step")];
const foldButton = document.getElementById("fold");
const wrapButton = document.getElementById("wrap");
const followButton = document.getElementById("follow");
let isFollowing = false;
let firstPicked = null; // {log, line}: where a range of lines begins

function isAtEnd() {
  return innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
}

function written(log, wasAtEnd) {
  if (isFollowing || (wasAtEnd && log.isLive)) {
    isFollowing = true;
    log.box.lastElementChild?.scrollIntoView({ block: "end" });
  }
  showFollow();
}

function showFollow() {
  if (followButton) followButton.hidden = isFollowing || !live.length;
}

const logs = details.map((each) => new StepLog(each));

// ── folds and how lines are shown ──

function showFolds() {
  const allOpen = details.every((each) => each.open);
  foldButton.textContent = allOpen ? "Fold all" : "Open all";
  foldButton.setAttribute("aria-pressed", String(allOpen));
}

function setWrap(on) {
  document.documentElement.classList.toggle("wrap", on);
  wrapButton?.setAttribute("aria-pressed", String(on));
}

function stored(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(name);
    localStorage.setItem(name, value);
  } catch {
    // a browser that keeps nothing
  }
  return null;
}

setWrap(stored("wrap") !== "no");
for (const element of document.querySelectorAll("#fold, #wrap")) element.hidden = false;
wrapButton?.addEventListener("click", () => {
  const on = wrapButton.getAttribute("aria-pressed") !== "true";
  setWrap(on);
  stored("wrap", on ? "yes" : "no");
});
foldButton?.addEventListener("click", () => {
  const open = details.some((each) => !each.open);
  for (const each of details) each.open = open;
});
for (const each of details) each.addEventListener("toggle", showFolds);
if (foldButton) showFolds();

followButton?.addEventListener("click", () => {
  isFollowing = true;
  const log = live.at(-1);
  log?.box.lastElementChild?.scrollIntoView({ block: "end" });
  showFollow();
});
addEventListener("wheel", (event) => event.deltaY < 0 && letGo(), { passive: true });
addEventListener("touchmove", () => !isAtEnd() && letGo(), { passive: true });
addEventListener("keydown", (event) => ["ArrowUp", "PageUp", "Home"].includes(event.key) && letGo());

function letGo() {
  isFollowing = false;
  showFollow();
}

// ── links to lines: #job/step:L12 and #job/step:L12-L20 ──

function parseHash() {
  const match = /^#(.+)\/(\d{1,4}):L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(location.hash);
  if (!match) return null;
  const [first, last] = [Number(match[3]), Number(match[4] ?? match[3])];
  return { anchor: `${match[1]}/${match[2]}`, first: Math.min(first, last), last: Math.max(first, last) };
}

async function showHash() {
  for (const row of document.querySelectorAll(".l.picked")) row.classList.remove("picked");
  const wanted = parseHash();
  const step = details.findIndex((each) => each.dataset.anchor === wanted?.anchor);
  if (!wanted || step < 0) return;
  const log = logs[step];
  const row = await log.reach(wanted.first);
  pick(log, wanted.first, wanted.last);
  row?.scrollIntoView({ block: "center" });
}

function pick(log, first, last) {
  firstPicked = { log, line: first };
  for (let line = first; line <= Math.min(last, first + 5000); line++) log.row(line)?.classList.add("picked");
}

function choose(log, line, isRange) {
  const from = isRange && firstPicked?.log === log ? firstPicked.line : line;
  const [first, last] = [Math.min(from, line), Math.max(from, line)];
  const hash = `#${log.anchor}:L${first}${last > first ? `-L${last}` : ""}`;
  history.replaceState(null, "", hash);
  for (const row of document.querySelectorAll(".l.picked")) row.classList.remove("picked");
  pick(log, first, last);
  firstPicked = { log, line: from };
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".n");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const log = logs.find((each) => each.box.contains(link));
  choose(log, Number(link.dataset.n), event.shiftKey);
});

addEventListener("hashchange", showHash);

// What failed failed at its end, and what runs goes on there; a link to a line says itself what is wanted.
function showEnd() {
  const log = logs.find((each) => each.details.open && each.pieces().length);
  const status = log?.details.dataset.status;
  if (!["failed", "timed_out", "broken", "running"].includes(status)) return;
  isFollowing = status === "running";
  const last = log.box.lastElementChild;
  if (last.getBoundingClientRect().bottom > innerHeight) last.scrollIntoView({ block: "end" });
}

if (parseHash()) showHash();
else if (!location.hash) showEnd();

// ── the keyboard ──

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches?.("input, textarea");
  if (event.key === "/" && !isTyping && search) {
    event.preventDefault();
    search.input.focus();
  } else if (event.target.matches?.(".n")) {
    move(event);
  }
});

function move(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const links = [...event.target.closest(".log").querySelectorAll(".n")];
  const next = links[links.indexOf(event.target) + step];
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  if (event.shiftKey) choose(logs.find((each) => each.box.contains(next)), Number(next.dataset.n), true);
}

const form = document.getElementById("search");
const search = form && new Search(form, logs);

// ── the run while it goes on ──

function showStand(element, stand) {
  if (!element) return;
  const icon = element.querySelector(".icon");
  icon.dataset.status = stand.status;
  const word = element.querySelector(".word");
  if (word) word.textContent = word.textContent.endsWith(":") ? `${stand.word}:` : stand.word;
  const time = element.querySelector(".time");
  if (stand.since === null) delete time.dataset.since;
  else time.dataset.since = stand.since;
  if (stand.since === null) time.textContent = stand.time;
}

function showStep(log, stand) {
  const { details: fold } = log;
  const began = stand.begun && fold.dataset.log === "no";
  const ended = fold.dataset.status === "running" && stand.status !== "running";
  showStand(fold.querySelector("summary"), stand);
  fold.dataset.status = stand.status;
  fold.querySelector(".why").textContent = stand.reason;
  fold.querySelector(".usage").textContent = stand.usage;
  if (began) {
    fold.dataset.log = "yes";
    fold.dataset.live = stand.status === "running" ? "yes" : "no";
    if (isFollowing || stand.status === "running") fold.open = true;
    log.isLoaded = false;
    if (fold.open) log.open();
  }
  if (ended) announce(`${fold.querySelector(".name").textContent}: ${stand.word}`);
}

function announce(text) {
  document.getElementById("announce").textContent = text;
}

function showState(event) {
  const state = JSON.parse(event.data);
  showStand(document.getElementById("run-stand"), state.run);
  document.getElementById("favicon").href = favicon(state.run.status);
  for (const link of document.querySelectorAll("[data-job]")) {
    if (link.tagName === "A" && state.jobs[link.dataset.job]) showStand(link, state.jobs[link.dataset.job]);
  }
  if (state.job) showStand(document.getElementById("job"), state.job);
  state.steps.forEach((stand, index) => logs[index] && showStep(logs[index], stand));
  document.getElementById("newer").hidden = state.version === root.dataset.version;
  document.title = document.title.replace(/^[^:]*/, state.run.word);
  tick();
}

const icons = JSON.parse(root.dataset.icons);

function favicon(status) {
  return icons[status] ?? icons.none;
}

if (root.dataset.live === "yes") {
  const states = new EventSource(root.dataset.events);
  states.addEventListener("state", showState);
  states.addEventListener("end", () => states.close());
}
showFollow();
