// A small chart of the last minutes: a number, its line, and both in words.

import { element } from "./elements.js";

const SAMPLES = 60;
const SPACE = "http://www.w3.org/2000/svg";

function shape(name, attributes) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export class Chart {
  #samples = [];
  #number = element("strong");
  #most = element("small");
  #line = shape("polyline", { class: "line", points: "" });
  #under = shape("polygon", { class: "under", points: "" });
  #picture = shape("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img" });

  constructor(name, unit) {
    this.name = name;
    this.#picture.append(this.#under, shape("line", { class: "ground", x1: 0, x2: 100, y1: 40, y2: 40 }), this.#line);
    this.card = element("section", { class: "card chart" }, element("h3", {}, name), element("div", {}, this.#number, element("small", {}, ` ${unit}`)), this.#picture, this.#most);
  }

  add(value) {
    this.#samples = [...this.#samples, value].slice(-SAMPLES);
    const most = Math.max(...this.#samples);
    const rounded = (number) => String(Math.round(number * 10) / 10);
    const spots = this.#samples.map((sample, index) => {
      const across = 100 - (this.#samples.length - 1 - index) * (100 / (SAMPLES - 1));
      return `${across.toFixed(2)},${(39 - (sample / Math.max(most, 1)) * 37).toFixed(2)}`;
    });
    const [first] = spots[0].split(",");
    this.#line.setAttribute("points", spots.join(" "));
    this.#under.setAttribute("points", `${first},40 ${spots.join(" ")} 100,40`);
    this.#number.textContent = rounded(value);
    this.#most.textContent = `peak ${rounded(most)}`;
    this.#picture.setAttribute("aria-label", `${this.name}: now ${rounded(value)}, peak ${rounded(most)}`);
  }
}
