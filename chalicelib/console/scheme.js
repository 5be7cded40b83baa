// Light or dark: the system's choice until somebody makes another, which this browser remembers.

import { byId } from "./elements.js";

const PLACE = "tinyllama.scheme";
const system = matchMedia("(prefers-color-scheme: dark)");
const button = byId("scheme");

const current = () => document.documentElement.dataset.scheme ?? (system.matches ? "dark" : "light");

function show() {
  const kept = localStorage.getItem(PLACE);
  if (kept === "light" || kept === "dark") document.documentElement.dataset.scheme = kept;
  button.textContent = current() === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", `Change to the ${button.textContent.toLowerCase()} scheme`);
}

button.addEventListener("click", () => {
  localStorage.setItem(PLACE, current() === "dark" ? "light" : "dark");
  show();
});
system.addEventListener("change", show);
show();
