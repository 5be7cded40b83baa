// The console's beginning: the views register, then whoever is here signs in, then the first opens.

import "./inbox.js";
import "./jobs.js";
import "./playground.js";
import "./queue.js";
import "./scheme.js";
import { session } from "./session.js";
import { askToSignIn } from "./sign_in.js";
import { openNamed } from "./tabs.js";

session.onBegin(openNamed);
if (session.token) openNamed();
else askToSignIn(null);
