// Where the API is: beside this page, whatever stage or domain comes before it.

export const home = location.pathname.replace(/console\/?$/, "");

export const address = (path) => location.origin + home + path;

export const onThisMachine = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
