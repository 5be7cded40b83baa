// Times, spans and payloads in words.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

// *when* as ISO 8601, or in milliseconds.
export function moment(when) {
  if (!when) return null;
  const then = new Date(when);
  const today = then.toDateString() === new Date().toDateString();
  return (today ? clock : calendar).format(then);
}

// What this browser's clock shows at a time of performance.now().
export const clockTime = (then) => moment(Date.now() + then - performance.now());

export function span(milliseconds) {
  if (milliseconds == null) return null;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const payload = (value) =>
  typeof value === "string" ? value : JSON.stringify(value, null, 2);

export const many = (count, one, several = `${one}s`) => `${count} ${count === 1 ? one : several}`;
