// What the scripts for Node share, as telling.py is for Python's: cases in, what was seen out.

export const sleep = (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds));

/** Return `play` three times over; what the last saw is what is seen. */
export const thrice = (play) => async (given) => {
  await play(given);
  await play(given);
  return play(given);
};

/** Run what standard input asks for of `cases`, all at the same time; `raised` reads an error. */
export async function run(cases, raised) {
  let text = "";
  for await (const piece of process.stdin) text += piece;
  const asked = Object.entries(JSON.parse(text).cases);
  await Promise.all(asked.map(([name, given]) => tell(name, cases[name], given, raised)));
}

async function tell(name, play, given, raised) {
  const began = performance.now();
  const seen = await play(given).catch(raised);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ case: name, seconds, seen })}\n`);
}
