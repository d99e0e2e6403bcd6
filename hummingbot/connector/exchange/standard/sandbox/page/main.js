// Keeps the page up to date by the sandbox's WebSocket, connects again when it breaks, and remembers what was chosen.

import { fixed } from "./format.js";
import { show } from "./view.js";

const FIRST_PAUSE = 500, LONGEST_PAUSE = 5000, SILENCE = 3000;

const indicator = document.getElementById("connection");
const market = document.getElementById("market");
const account = document.getElementById("account");

let socket = null, heard = 0, pause = FIRST_PAUSE, latest = null;

/** What the address says: #market=SOMI-USDC&account=0, so that a view can be kept and passed on. */
function choice() {
  const chosen = new URLSearchParams(location.hash.slice(1));
  return { market: chosen.get("market") ?? "", account: Number(chosen.get("account") ?? 0) };
}

function choose() {
  const chosen = new URLSearchParams({ market: market.selectedOptions[0]?.text ?? "", account: account.selectedIndex });
  history.replaceState(null, "", `#${chosen}`);
  ask();
}

function ask() {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(choice()));
}

function say(state, text) {
  document.body.dataset.state = state;
  if (indicator.textContent !== text) indicator.textContent = text;
}

function connect() {
  const url = new URL("page/socket", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  const mine = socket = new WebSocket(url);
  heard = Date.now();
  mine.onopen = ask;
  mine.onmessage = message => {
    heard = Date.now();
    pause = FIRST_PAUSE;
    latest = JSON.parse(message.data);
    draw();
  };
  mine.onclose = () => lost(mine);
}

/** Connect again after a pause, which grows; what is shown until then is old, and looks it. */
function lost(gone) {
  if (gone !== socket) return;
  socket = null;
  say("lost", "Disconnected, trying again");
  setTimeout(connect, pause);
  pause = Math.min(2 * pause, LONGEST_PAUSE);
}

function draw() {
  if (document.hidden || latest === null) return;
  say("live", `Live, block ${fixed(String(latest.chain.block), 0)}`);
  show(latest);
}

/** A connection that says nothing is as good as none. */
function watch() {
  if (socket === null || Date.now() - heard < SILENCE) return;
  socket.close();
  lost(socket);
}

market.addEventListener("change", choose);
account.addEventListener("change", choose);
addEventListener("hashchange", ask);
document.addEventListener("visibilitychange", draw);
setInterval(watch, 500);
connect();
