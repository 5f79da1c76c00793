"use strict";
// Lines of a log as elements. Text goes in as text alone: nothing here, or anywhere, makes HTML of it.

function textOf(pieces) {
  const text = document.createElement("span");
  text.className = "t";
  for (const piece of pieces) {
    if (typeof piece === "string") {
      text.append(piece);
      continue;
    }
    const span = document.createElement("span");
    span.className = piece[0];
    span.textContent = piece[1];
    text.append(span);
  }
  return text;
}

function makeRow(anchor, [number, ...pieces]) {
  const row = document.createElement("div");
  row.className = "l";
  row.id = `${anchor}:L${number}`;
  const link = document.createElement("a");
  link.className = "n";
  link.href = `#${row.id}`;
  link.setAttribute("aria-label", `Line ${number}`);
  link.dataset.n = number;
  link.tabIndex = -1;
  row.append(link, textOf(pieces));
  return row;
}

function makePiece(anchor, lines) {
  const piece = document.createElement("div");
  piece.className = "piece";
  piece.append(...lines.map((line) => makeRow(anchor, line)));
  return piece;
}

function numberOf(row) {
  return Number(row.firstChild.dataset.n);
}

function firstOf(piece) {
  return numberOf(piece.firstElementChild);
}

function lastOf(piece) {
  return numberOf(piece.lastElementChild);
}

// Marks every place in a row where the text is shown, whatever its case.
function markRow(row, needle) {
  unmarkRow(row);
  const text = row.lastElementChild;
  const found = [];
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  const wanted = needle.toLowerCase();
  while (walker.nextNode()) {
    const node = walker.currentNode;
    let at = node.data.toLowerCase().lastIndexOf(wanted);
    while (at >= 0 && found.length < 200) {
      found.push([node, at]);
      at = at > 0 ? node.data.toLowerCase().lastIndexOf(wanted, at - 1) : -1;
    }
  }
  for (const [node, at] of found) {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, Math.min(node.data.length, at + needle.length));
    range.surroundContents(document.createElement("mark"));
  }
  row.classList.add("hit");
}

function unmarkRow(row) {
  for (const mark of row.querySelectorAll("mark")) {
    const parent = mark.parentNode;
    mark.replaceWith(...mark.childNodes);
    parent.normalize();
  }
  row.classList.remove("hit", "now");
}
