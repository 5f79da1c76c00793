"use strict";
// Times that go on: durations of what runs, and how long ago something was.

const skew = Date.now() / 1000 - Number(document.getElementById("page").dataset.now);

function serverNow() {
  return Date.now() / 1000 - skew;
}

function duration(seconds) {
  if (seconds < 0.95) return `${Math.max(seconds, 0.1).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [large, unit, small, sub] =
    whole < 3600
      ? [Math.floor(whole / 60), "min", whole % 60, "s"]
      : [Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min"];
  return small ? `${large} ${unit} ${small} ${sub}` : `${large} ${unit}`;
}

function ago(seconds) {
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

function tick() {
  for (const node of document.querySelectorAll("[data-since]")) {
    node.textContent = duration(Math.max(0, serverNow() - Number(node.dataset.since)));
  }
}

function tickAgo() {
  for (const node of document.querySelectorAll("time[data-ago]")) {
    const moment = new Date(node.dateTime);
    node.title = moment.toLocaleString();
    node.textContent = ago(serverNow() - moment.getTime() / 1000);
  }
}

document.documentElement.classList.add("js");
tick();
tickAgo();
setInterval(tick, 1000);
setInterval(tickAgo, 60000);
