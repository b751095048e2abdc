// Charts as SVG, drawn at the width that there is, so that their text keeps its size.
const SHAPES = {
  a: (x, y) => svg('circle', {cx: x, cy: y, r: 3.5}),
  b: (x, y) => svg('rect', {x: x - 3.5, y: y - 3.5, width: 7, height: 7}),
  c: (x, y) => svg('path', {d: `M${x} ${y - 4.5}l4.5 8h-9z`}),
};

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// An empty picture; on paper it shrinks to what room there is.
function canvas(width, height, describe, cls = '') {
  return svg('svg', {width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': describe, class: cls});
}

function ticks([low, high], most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(k => k * power).find(step => step >= rough * 0.999);
  const list = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) list.push(k * step);
  return list;
}

// Moves labels apart that would overlap: [{y, …}] in pixels, each at least `gap` from the next.
function spread(labels, gap, lowest) {
  labels.sort((p, q) => p.y - q.y);
  for (let i = 1; i < labels.length; ++i) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + gap);
  let limit = lowest;
  for (let i = labels.length - 1; i >= 0 && labels[i].y > limit; --i, limit -= gap) labels[i].y = limit;
  return labels;
}

// options: x, y: [low, high]; xTitle, yTitle; height; right: room for labels; format: of the numbers on the axes;
// describe: what a screen reader says. series: {cls, points: [[x, y]], kind: line | dots | truth | rule, label, marks}.
function plot(box, options, series) {
  const width = box.clientWidth || 320, {height = 320, right = 0, format = String} = options;
  const left = 34, top = 10, bottom = 36, w = width - left - right, h = height - top - bottom;
  const X = x => left + w * (x - options.x[0]) / (options.x[1] - options.x[0]);
  const Y = y => top + h * (1 - (y - options.y[0]) / (options.y[1] - options.y[0]));
  const chart = canvas(width, height, options.describe);
  for (const y of ticks(options.y, Math.max(2, h / 55))) {
    chart.append(svg('line', {class: 'axis', x1: left, x2: left + w, y1: Y(y), y2: Y(y)}));
    chart.append(svg('text', {class: 'soft', x: left - 8, y: Y(y) + 4, 'text-anchor': 'end'}, format(y)));
  }
  for (const x of ticks(options.x, Math.max(2, w / 75)))
    chart.append(svg('text', {class: 'soft', x: X(x), y: top + h + 18, 'text-anchor': 'middle'}, format(x)));
  chart.append(svg('text', {class: 'soft', x: left + w, y: top + h + 34, 'text-anchor': 'end'}, options.xTitle));
  const labels = [];
  for (const {cls = '', points, kind = 'line', label, below, marks = []} of series) {
    const known = points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => [X(x), Y(y)]);
    if (known.length === 0) continue;
    const group = svg('g', {class: cls});
    if (kind !== 'dots')
      group.append(svg('path', {class: kind === 'line' ? 'curve' : kind, d: 'M' + known.map(p => p.map(v => v.toFixed(1)).join(' ')).join('L')}));
    for (const i of kind === 'dots' ? known.keys() : marks)
      if (known[i]) {
        const mark = SHAPES[cls](...known[i]);
        mark.setAttribute('class', 'mark');
        group.append(mark);
      }
    chart.append(group);
    const [x, y] = known.at(-1);
    if (label && kind === 'rule') chart.append(svg('text', {class: 'soft', x: left + w, y: below ? y + 16 : y - 7, 'text-anchor': 'end'}, label));
    else if (label) labels.push({x: x + 9, y: y + 4, cls, label});
  }
  for (const {x, y, cls, label} of spread(labels, 16, top + h + 4))
    chart.append(svg('g', {class: cls}, svg('text', {class: 'name', x, y}, label)));
  box.replaceChildren(chart);
}

// A square of weights, a row for each reader; `framed` is the row that the output reads.
function heatmap(box, {cls, names, weights, framed, describe}) {
  const S = names.length, widest = Math.max(...names.map(name => name.length)) * 6.6 + 8;
  const cell = Math.max(12, Math.min(34, (Math.min(box.clientWidth || 320, 420) - widest) / S)), most = Math.max(1e-9, ...weights.map(Math.abs));
  const size = cell * S, chart = canvas(widest + size + 4, widest + size + 4, describe, cls);
  names.forEach((name, i) => {
    chart.append(svg('text', {class: 'soft', x: widest - 6, y: widest + cell * (i + .5) + 4, 'text-anchor': 'end'}, name));
    chart.append(svg('text', {class: 'soft', transform: `translate(${widest + cell * (i + .5) + 4} ${widest - 6}) rotate(-90)`}, name));
    for (let j = 0; j < S; ++j) {
      const weight = weights[i * S + j], x = widest + cell * j, y = widest + cell * i;
      chart.append(svg('rect', {class: 'solid', x, y, width: cell - 1, height: cell - 1, 'fill-opacity': (.06 + .94 * Math.abs(weight) / most).toFixed(3)}));
    }
  });
  chart.append(svg('rect', {x: widest - 1.5, y: widest + cell * framed - 1.5, width: size + 2, height: cell + 2, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5}));
  box.replaceChildren(chart);
}

const box4 = (x, y, w, h) => [x - w, x + w, y - h, y + h];
const apart = (p, q) => p[1] < q[0] || q[1] < p[0] || p[3] < q[2] || q[3] < p[2];

// Points with names: [{x, y, name, square}].
function plane(box, {cls, points, xTitle, yTitle, describe}) {
  const range = (list, least) => {
    const low = Math.min(0, ...list), high = Math.max(0, ...list), room = Math.max(least, (high - low) * .18);
    return [low - room, high + room];
  };
  const width = box.clientWidth || 320, height = 250, left = 34, bottom = 36, top = 22, h = height - bottom - top;
  const xs = range(points.map(p => p.x), .5), ys = range(points.map(p => p.y), .5);
  const X = x => left + (width - left) * (x - xs[0]) / (xs[1] - xs[0]), Y = y => top + h * (1 - (y - ys[0]) / (ys[1] - ys[0]));
  const chart = canvas(width, height, describe, cls);
  for (const y of ticks(ys, 4)) chart.append(svg('line', {class: 'axis', x1: left, x2: width, y1: Y(y), y2: Y(y)}), svg('text', {class: 'soft', x: left - 8, y: Y(y) + 4, 'text-anchor': 'end'}, number(y)));
  for (const x of ticks(xs, 6)) chart.append(svg('text', {class: 'soft', x: X(x), y: height - 18, 'text-anchor': 'middle'}, number(x)));
  chart.append(svg('line', {class: 'rule', x1: X(0), x2: X(0), y1: top, y2: top + h}));
  chart.append(svg('text', {class: 'soft', x: width, y: height - 2, 'text-anchor': 'end'}, xTitle), svg('text', {class: 'soft', x: left, y: 11}, yTitle));
  const taken = points.map(p => box4(X(p.x), Y(p.y), 5, 5));
  points.forEach((p, i) => {
    const x = X(p.x), y = Y(p.y), half = 3.6 * p.name.length;
    const places = [[9 + half, 0], [-9 - half, 0], [0, -13], [0, 13], [9 + half, -12], [9 + half, 12], [-9 - half, -12], [-9 - half, 12]].map(([dx, dy]) => [x + dx, y + dy]);
    const free = ([cx, cy]) => cx - half >= left && cx + half <= width && taken.every((other, j) => j === i || apart(other, box4(cx, cy, half, 6)));
    const [cx, cy] = places.find(free) ?? places[0];
    taken.push(box4(cx, cy, half, 6));
    const mark = p.square ? svg('rect', {x: x - 4, y: y - 4, width: 8, height: 8, class: 'mark'}) : svg('circle', {cx: x, cy: y, r: 4, class: 'solid'});
    chart.append(mark, svg('text', {x: cx, y: cy + 4, 'text-anchor': 'middle'}, p.name));
  });
  box.replaceChildren(chart);
}

// A bar for each word, and a tick at another number: [{name, value, tick}].
function bars(box, {cls, rows, describe, nothing}) {
  const width = box.clientWidth || 320, left = 64, line = 22, height = rows.length * line + 4;
  const all = rows.flatMap(row => [row.value, row.tick]).filter(Number.isFinite);
  const low = Math.min(0, ...all), high = Math.max(.5, ...all), X = x => left + (width - left - 56) * (x - low) / (high - low);
  const chart = canvas(width, height, describe, cls);
  rows.forEach(({name, value, tick}, i) => {
    const y = i * line + 2, known = Number.isFinite(value);
    chart.append(svg('text', {x: left - 8, y: y + 14, 'text-anchor': 'end'}, name));
    if (known) chart.append(svg('rect', {class: 'solid', x: Math.min(X(0), X(value)), y: y + 4, width: Math.max(1, Math.abs(X(value) - X(0))), height: 12, 'fill-opacity': .8}));
    chart.append(svg('line', {x1: X(tick), x2: X(tick), y1: y, y2: y + 20, stroke: 'currentColor', 'stroke-width': 2}));
    chart.append(svg('text', {class: 'soft', x: width, y: y + 14, 'text-anchor': 'end'}, known ? number(value, 2) : nothing));
  });
  chart.prepend(svg('line', {class: 'axis', x1: X(0), x2: X(0), y1: 0, y2: height}));
  box.replaceChildren(chart);
}
