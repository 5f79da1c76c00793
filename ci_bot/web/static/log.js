"use strict";
// The log of one step: pieces of it that are here, gaps where they are not, and what is still being written.

const STEP_LINES = 500; // loaded at once
const MOST_PIECES = 24; // of one log in the page; what is farthest from the eye is let go
const MOST_LIVE = 4; // streams at once: browsers open six connections to a server

const live = [];

function withQuery(url, more) {
  return url + (url.includes("?") ? "&" : "?") + more;
}

async function ask(url, more) {
  const answer = await fetch(withQuery(url, more));
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

class StepLog {
  constructor(details) {
    this.details = details;
    this.box = details.querySelector(".log");
    this.anchor = details.dataset.anchor;
    this.source = null;
    this.isLoaded = this.pieces().length > 0;
    this.loading = null;
    this.marking = "";
    this.found = new Set();
    for (const gap of this.box.querySelectorAll(".gap")) {
      gap.replaceWith(this.gap(Number(gap.dataset.from), Number(gap.dataset.to)));
    }
    details.addEventListener("toggle", () => (details.open ? this.open() : this.stop()));
    if (details.open) this.open();
  }

  get isLive() {
    return this.details.dataset.live === "yes";
  }

  pieces() {
    return [...this.box.querySelectorAll(":scope > .piece")];
  }

  row(line) {
    return document.getElementById(`${this.anchor}:L${line}`);
  }

  // Loads what is shown first, once; then goes on with what comes.
  async open(line = 0) {
    if (this.details.dataset.log !== "yes") return;
    if (!this.isLoaded) {
      this.loading ??= this.load(line).finally(() => (this.loading = null));
      await this.loading;
    }
    this.roving();
    if (this.isLive && this.details.open) this.follow();
  }

  async load(line) {
    this.say("Loading…");
    try {
      this.show(await ask(this.details.dataset.lines, `open=1&line=${line}`));
    } catch (error) {
      this.say(`The log could not be loaded (${error.message}). `, "Try again", () => this.open(line));
    }
  }

  show({ windows, total }) {
    const shown = windows.filter((window) => window.lines.length);
    this.box.replaceChildren();
    let done = 0;
    for (const window of shown) {
      const first = window.lines[0][0];
      if (first > done + 1) this.box.append(this.gap(done + 1, first - 1));
      const piece = makePiece(this.anchor, window.lines);
      this.remember(piece, window);
      this.box.append(piece);
      done = lastOf(piece);
    }
    if (done < total) this.box.append(this.gap(done + 1, total));
    if (!total) this.say(this.isLive ? "Nothing has been written yet." : "This step wrote nothing.");
    this.isLoaded = true;
    this.remark();
  }

  remember(piece, window) {
    piece.dataset.next = window.next;
    piece.dataset.open = window.open ? "yes" : "no";
  }

  say(text, label, action) {
    const words = document.createElement("p");
    words.className = "none";
    words.textContent = text;
    if (label) words.append(this.button(label, action));
    this.box.replaceChildren(words);
  }

  button(label, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", action);
    return button;
  }

  // ── gaps ──

  gap(from, to) {
    const gap = document.createElement("div");
    gap.className = "gap";
    gap.dataset.from = from;
    gap.dataset.to = to;
    const count = to - from + 1;
    const words = document.createElement("span");
    words.textContent = `${count.toLocaleString("en")} line${count === 1 ? "" : "s"} not shown`;
    gap.append(words);
    if (count <= STEP_LINES) {
      gap.append(this.button("Show", () => this.fill(gap, from)));
    } else {
      gap.append(
        this.button(`↓ Next ${STEP_LINES}`, () => this.fill(gap, from)),
        this.button(`↑ Previous ${STEP_LINES}`, () => this.fill(gap, to - STEP_LINES + 1)),
      );
    }
    return gap;
  }

  // Brings lines of a gap from `first` on; what is on the screen stays where it is.
  async fill(gap, first) {
    const from = Number(gap.dataset.from);
    const to = Number(gap.dataset.to);
    const most = Math.min(STEP_LINES, to - first + 1);
    for (const button of gap.querySelectorAll("button")) button.disabled = true;
    let window;
    try {
      window = (await ask(this.details.dataset.lines, `from=${first}&most=${most}`)).windows[0];
    } catch (error) {
      gap.replaceWith(this.gap(from, to));
      return;
    }
    if (!gap.isConnected || !window.lines.length) return;
    const piece = makePiece(this.anchor, window.lines);
    this.remember(piece, window);
    const last = lastOf(piece);
    const parts = [];
    if (first > from) parts.push(this.gap(from, first - 1));
    parts.push(piece);
    if (last < to) parts.push(this.gap(last + 1, to));
    const hadFocus = gap.contains(document.activeElement);
    this.keeping(first > from ? gap.nextElementSibling : gap.previousElementSibling, () => gap.replaceWith(...parts));
    this.remark(piece);
    this.roving();
    this.prune(piece);
    if (hadFocus) piece.querySelector(".n").focus({ preventScroll: true });
  }

  // Does something above or below an element without moving it on the screen.
  keeping(element, change) {
    const before = element?.getBoundingClientRect().top;
    change();
    if (element?.isConnected) scrollBy(0, element.getBoundingClientRect().top - before);
  }

  // Lets go of what is farthest from the eye, so that the page stays light however much was looked at.
  prune(keep) {
    const pieces = this.pieces();
    if (pieces.length <= MOST_PIECES) return;
    const middle = innerHeight / 2;
    const far = (piece) => {
      const { top, bottom } = piece.getBoundingClientRect();
      return top > middle ? top - middle : Math.max(0, middle - bottom);
    };
    const victims = pieces.filter((piece) => piece !== keep && piece !== pieces.at(-1));
    const victim = victims.reduce((one, other) => (far(other) > far(one) ? other : one));
    this.keeping(keep, () => this.letGo(victim));
  }

  letGo(piece) {
    let from = firstOf(piece);
    let to = lastOf(piece);
    const [before, after] = [piece.previousElementSibling, piece.nextElementSibling];
    if (before?.className === "gap") {
      from = Number(before.dataset.from);
      before.remove();
    }
    if (after?.className === "gap") {
      to = Number(after.dataset.to);
      after.remove();
    }
    piece.replaceWith(this.gap(from, to));
  }

  // Makes sure that a line is there, and gives its row.
  async reach(line) {
    this.details.open = true;
    await this.open(line);
    if (!this.row(line)) {
      const gap = [...this.box.querySelectorAll(":scope > .gap")].find(
        (each) => Number(each.dataset.from) <= line && line <= Number(each.dataset.to),
      );
      if (gap) await this.fill(gap, Math.max(Number(gap.dataset.from), Math.min(line - 60, Number(gap.dataset.to) - STEP_LINES + 1)));
    }
    return this.row(line);
  }

  // ── what is being written ──

  follow() {
    if (this.source) return;
    while (live.length >= MOST_LIVE) live[0].stop();
    const last = this.pieces().at(-1);
    const after = last ? last.dataset.next : "0:1";
    this.source = new EventSource(withQuery(this.details.dataset.events, `after=${encodeURIComponent(after)}`));
    live.push(this);
    this.source.addEventListener("lines", (event) => this.write(event));
    this.source.addEventListener("skip", (event) => this.skip(JSON.parse(event.data).to));
    this.source.addEventListener("again", () => this.box.replaceChildren());
    this.source.addEventListener("end", (event) => {
      this.write(event);
      this.details.dataset.live = "no";
      if (!this.pieces().length) this.say("This step wrote nothing.");
      this.stop();
    });
    this.source.addEventListener("error", () => this.retry());
  }

  // A browser comes again by itself, except where the server refused; then we ask it to.
  retry() {
    if (this.source?.readyState !== EventSource.CLOSED) return;
    this.stop();
    setTimeout(() => this.isLive && this.details.open && this.follow(), 3000);
  }

  stop() {
    this.source?.close();
    this.source = null;
    if (live.includes(this)) live.splice(live.indexOf(this), 1);
  }

  write(event) {
    const window = JSON.parse(event.data);
    const atEnd = isAtEnd();
    for (const none of this.box.querySelectorAll(":scope > .none")) none.remove();
    let piece = this.pieces().at(-1);
    for (const line of window.lines) {
      const known = this.row(line[0]);
      if (known) {
        known.replaceChild(textOf(line.slice(1)), known.lastElementChild);
        continue;
      }
      if (!piece || piece.childElementCount >= STEP_LINES) {
        piece = makePiece(this.anchor, []);
        this.box.append(piece);
      }
      piece.append(makeRow(this.anchor, line));
    }
    if (piece) this.remember(piece, window);
    this.roving();
    if (piece) this.prune(piece);
    written(this, atEnd);
  }

  skip(to) {
    const last = this.pieces().at(-1);
    const done = last ? lastOf(last) : 0;
    if (to > done + 1) this.box.append(this.gap(done + 1, to - 1));
    this.box.append(makePiece(this.anchor, []));
  }

  // ── searched text, and the keyboard ──

  highlight(needle, lines) {
    this.marking = needle;
    this.found = new Set(lines);
    for (const row of this.box.querySelectorAll(".hit")) unmarkRow(row);
    this.remark();
  }

  remark(piece = this.box) {
    if (!this.marking) return;
    for (const line of this.found) {
      const row = this.row(line);
      if (row && piece.contains(row)) markRow(row, this.marking);
    }
  }

  // One line number of a log can be reached by Tab; arrows go from there.
  roving() {
    if (this.box.querySelector('.n[tabindex="0"]')) return;
    const link = this.box.querySelector(".n");
    if (link) link.tabIndex = 0;
  }
}
