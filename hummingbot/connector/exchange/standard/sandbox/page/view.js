// Puts a view of the sandbox on the page. Everything is set as text: token symbols are whatever a contract says.

import { drawDepth } from "./depth.js";
import { ago, fixed, time } from "./format.js";

const LADDER_LEVELS = 11;
const STREAMS = { node: "Node WebSocket", exchange: "Exchange WebSocket" };

const at = id => document.getElementById(id);

/** Set a text where it changed, so that selections and screen readers are left in peace. */
function write(node, text, className) {
  if (node.textContent !== text) node.textContent = text;
  if (className !== undefined && node.className !== className) node.className = className;
}

/** Fill a table body with rows of [text, class] cells, reusing what is there. `dress` may mark a row. */
function fill(body, rows, dress) {
  const columns = body.closest("table").querySelectorAll("thead th").length;
  if (!rows.length && body.dataset.empty) rows = [[[body.dataset.empty, "empty"]]];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    while (row.cells.length < cells.length) row.insertCell();
    cells.forEach(([text, className = ""], column) => write(row.cells[column], text, className));
    row.cells[0].colSpan = cells.length === 1 ? columns : 1;
    dress?.(row, index);
  });
}

function options(select, names, chosen) {
  const same = names.length === select.options.length && names.every((name, index) => select.options[index].text === name);
  if (!same) select.replaceChildren(...names.map((name, index) => new Option(name, index)));
  if (document.activeElement !== select || !same) select.selectedIndex = chosen;
}

const sideCell = row => [row.side === "buy" ? "Buy" : "Sell", `text ${row.side}`];

function showChoices(view) {
  options(at("market"), view.markets, view.market ? view.markets.indexOf(view.market.pair) : -1);
  options(at("account"), view.accounts.map((account, index) => `${index} · ${account.name}`), view.account.number);
  write(at("address"), `Account ${view.account.number}: ${view.account.address}`);
}

function showFaults(faults) {
  const list = at("faults");
  list.hidden = !faults.length;
  while (list.children.length > faults.length) list.lastChild.remove();
  faults.forEach((fault, index) => write(list.children[index] ?? list.appendChild(document.createElement("li")), fault));
}

function showSummary(market, depth) {
  const digits = market.priceDigits;
  const change = 100 * (Number(market.price) / Number(market.open) - 1);
  write(at("price"), fixed(market.price, digits));
  write(at("change"), `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} % today`, change < 0 ? "sell" : "buy");
  const [bid, ask] = [depth.bids[0], depth.asks[0]];
  const spread = bid && ask ? `${(100 * (Number(ask.price) / Number(bid.price) - 1)).toFixed(3)} %` : "–";
  write(at("spread"), spread);
  write(at("low"), fixed(market.low, digits));
  write(at("high"), fixed(market.high, digits));
  write(at("volume"), `${fixed(market.volume, 2)} ${market.quote}`);
  write(at("count"), fixed(String(market.trades), 0));
  write(at("band"), `${fixed(market.lowest, digits)} – ${fixed(market.highest, digits)}`);
  write(at("middle").cells[0], `${fixed(market.price, digits)} ${market.quote}`);
  for (const node of document.querySelectorAll("small.quote")) write(node, market.quote);
  for (const node of document.querySelectorAll("small.base")) write(node, market.base);
}

function showLadder(market, depth) {
  const totals = side => {
    let total = 0;
    return depth[side].slice(0, LADDER_LEVELS).map(level => ({ ...level, total: total += Number(level.amount) }));
  };
  const sides = { asks: totals("asks"), bids: totals("bids") };
  const most = Math.max(...Object.values(sides).flat().map(level => level.total), Number.MIN_VALUE);
  for (const [side, levels] of Object.entries(sides)) {
    const shown = side === "asks" ? levels.reverse() : levels;
    const rows = shown.map(level => [
      [fixed(level.price, market.priceDigits), side === "asks" ? "sell" : "buy"], [fixed(level.amount, market.amountDigits)],
      [fixed(level.total.toFixed(8), market.amountDigits), "soft"]]);
    fill(at(side), rows, (row, index) => {
      const own = shown[index].own;
      row.className = own === null ? "" : "own";
      row.title = own === null ? "" : `${fixed(own, market.amountDigits)} of this level belong to the account`;
      row.style.setProperty("--share", `${100 * shown[index].total / most}%`);
    });
  }
}

function showDepth(market, depth) {
  const range = drawDepth(at("depth"), depth);
  for (const name of ["low", "middle", "high"]) {
    write(at(`axis-${name}`), range ? fixed(range[name].toFixed(market.priceDigits), market.priceDigits) : "");
  }
}

function showMarket(view) {
  const { market, depth } = view;
  if (!market) return;
  showSummary(market, depth);
  showLadder(market, depth);
  showDepth(market, depth);
  fill(at("trades"), view.trades.map(trade => [
    [fixed(trade.price, market.priceDigits), trade.side], [fixed(trade.amount, market.amountDigits)],
    [time(trade.time), "soft"]]));
}

function showAccount(account) {
  fill(at("balances"), account.balances.map(balance => [
    [balance.symbol, "text"], [fixed(balance.free, balance.digits)],
    [fixed(balance.inOrders, balance.digits), "soft"]]));
  write(at("orders-count"), account.orders.length ? String(account.orders.length) : "");
  fill(at("orders"), account.orders.map(order => [
    [order.pair, "text"], sideCell(order), [fixed(order.price, order.priceDigits)], [fixed(order.left, order.amountDigits)],
    [`${fixed(order.filled, 1)} %`], [time(order.time), "soft late"]]),
    (row, index) => { row.dataset.id = account.orders[index]?.id ?? ""; });
  fill(at("fills"), account.fills.map(trade => [
    [trade.pair, "text"], sideCell(trade), [trade.role, "text late"], [fixed(trade.price, trade.priceDigits)],
    [fixed(trade.amount, trade.amountDigits)], [`${fixed(trade.fee, trade.feeDigits)} ${trade.feeToken}`],
    [time(trade.time), "soft late"]]),
    (row, index) => { row.dataset.id = account.fills[index]?.id ?? ""; });
}

/** Subscriptions in few words: "orderbook:A, orderbook:B" becomes "orderbook A, B". */
function listening(names) {
  const channels = new Map();
  for (const name of names) {
    const [channel, ...rest] = name.split(":");
    channels.set(channel, [...(channels.get(channel) ?? []), ...(rest.length ? [rest.join(" ")] : [])]);
  }
  return [...channels].map(([channel, rest]) => [channel, rest.join(", ")].join(" ").trim()).join("; ") || "nothing yet";
}

function showFeeds(view) {
  const requests = view.requests.map(row => [
    [row.interface, "text"], ["by asking", "text soft"], [`${row.perSecond.toFixed(1)} requests/s`], [ago(row.age), "soft"]]);
  const streams = view.streams.map(row => [
    [STREAMS[row.kind], "text"], [listening(row.subscriptions), "text wide"],
    [`${fixed(String(row.sent), 0)} messages`], [ago(row.age), "soft"]]);
  if (!streams.length) streams.push([["WebSockets", "text"], ["nobody is connected", "text soft"], [""], [""]]);
  fill(at("feeds"), [...streams, ...requests]);
  const { chain } = view, late = chain.block - chain.indexed;
  write(at("chain"), `Chain ${chain.id}, ${chain.mining} mining, ${chain.waiting} transactions waiting; `
    + (late ? `the API is ${late} blocks behind` : "the API is up to date"));
}

/** Show everything. */
export function show(view) {
  showChoices(view);
  showFaults(view.faults);
  showMarket(view);
  showAccount(view.account);
  showFeeds(view);
  document.title = view.market ? `${fixed(view.market.price, view.market.priceDigits)} ${view.market.pair} · Standard sandbox`
    : "Standard sandbox";
}
