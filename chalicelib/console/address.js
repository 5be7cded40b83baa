// Where the API is: beside this page, whatever stage or domain comes before it.

const base = location.origin + location.pathname.replace(/console\/?$/, "");

export const address = (path) => base + path;

export const onThisMachine = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
