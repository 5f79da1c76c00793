"use strict";
// Searching a job's logs: the server looks, through lines that are not here too; this goes from one to the next.

class Search {
  constructor(form, logs) {
    this.form = form;
    this.logs = logs;
    this.input = form.elements.q;
    this.count = document.getElementById("count");
    this.buttons = [document.getElementById("previous"), document.getElementById("next")];
    this.hits = [];
    this.more = false;
    this.place = -1;
    this.asked = "";
    this.timer = 0;
    form.addEventListener("submit", (event) => this.submit(event));
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), 250);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.buttons[0].addEventListener("click", () => this.go(-1));
    this.buttons[1].addEventListener("click", () => this.go(1));
    if (this.input.value) this.look();
  }

  submit(event) {
    event.preventDefault();
    if (this.input.value === this.asked) this.go(1);
    else this.look();
  }

  key(event) {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.go(-1);
    } else if (event.key === "Escape" && this.input.value) {
      event.preventDefault();
      this.input.value = "";
      this.look();
    }
  }

  async look() {
    clearTimeout(this.timer);
    const needle = this.input.value;
    if (needle === this.asked) return;
    this.asked = needle;
    let found = { hits: [], more: false };
    if (needle.trim()) {
      this.say("…");
      try {
        found = await ask(this.form.dataset.url, `q=${encodeURIComponent(needle)}`);
      } catch (error) {
        this.say("failed");
        return;
      }
    }
    if (needle !== this.asked) return; // something else was typed meanwhile
    this.hits = found.hits;
    this.more = found.more;
    this.place = -1;
    this.logs.forEach((log, index) =>
      log.highlight(needle.trim() ? needle : "", this.hits.filter(([step]) => step === index).map(([, line]) => line)),
    );
    if (this.hits.length) await this.go(1);
    else this.tell();
  }

  async go(by) {
    if (!this.hits.length) return;
    this.place = (this.place + by + this.hits.length) % this.hits.length;
    this.tell();
    const [step, line] = this.hits[this.place];
    const row = await this.logs[step].reach(line);
    for (const other of document.querySelectorAll(".l.now")) other.classList.remove("now");
    if (!row) return;
    row.classList.add("now");
    row.scrollIntoView({ block: "center" });
  }

  tell() {
    const isAsked = this.input.value.trim() !== "";
    if (!isAsked) this.say("");
    else if (!this.hits.length) this.say("no match");
    else this.say(`${this.place + 1} of ${this.hits.length.toLocaleString("en")}${this.more ? "+" : ""}`);
    for (const button of this.buttons) button.hidden = !this.hits.length;
  }

  say(text) {
    this.count.textContent = text;
    this.count.hidden = !text;
  }
}
