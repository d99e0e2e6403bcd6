// The depth chart: what can be bought or sold up to each price, as two stepped areas. Pixels may be floats.

const WIDTH = 600, HEIGHT = 260, HEAD = 14;

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function cumulated(levels) {
  let total = 0;
  return levels.map(level => ({ price: Number(level.price), total: total += Number(level.amount), own: level.own !== null }));
}

/** Draw both sides around the middle; returns the lowest and highest price that the chart shows, or null without a book. */
export function drawDepth(svg, depth) {
  const bids = cumulated(depth.bids), asks = cumulated(depth.asks);
  svg.replaceChildren();
  if (!bids.length && !asks.length) return null;
  const best = [bids[0], asks[0]].filter(Boolean).map(level => level.price);
  const middle = best.reduce((sum, price) => sum + price, 0) / best.length;
  const reach = 1.02 * Math.max(...[...bids, ...asks].map(level => Math.abs(level.price - middle)), middle * 1e-6);
  const highest = Math.max(...[...bids, ...asks].map(level => level.total));
  const x = price => WIDTH * (price - middle + reach) / (2 * reach);
  const y = total => HEIGHT - (HEIGHT - HEAD) * total / highest;
  for (const [name, levels, edge] of [["bids", bids, 0], ["asks", asks, WIDTH]]) {
    if (!levels.length) continue;
    let line = `M${x(levels[0].price)},${HEIGHT}`;
    for (const level of levels) line += `H${x(level.price)}V${y(level.total)}`;
    line += `H${edge}`;
    svg.append(element("path", { class: `${name} area`, d: `${line}V${HEIGHT}` }), element("path", { class: name, d: line }));
    for (const level of levels.filter(each => each.own)) {
      svg.append(element("path", { class: "own", d: `M${x(level.price)},${HEIGHT}V${y(level.total)}` }));
    }
  }
  svg.append(element("path", { class: "middle", d: `M${WIDTH / 2},0V${HEIGHT}` }));
  return { low: middle - reach, middle, high: middle + reach };
}
