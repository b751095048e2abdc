// The page: its state, which the address holds, the training of two or three networks in step, and what is drawn.
const $ = id => document.getElementById(id);
const LETTERS = ['A', 'B', 'C'];
const SPEEDS = [1, 5, 10, 25, 125];
const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;

// Each question changes networks or text before it is answered by what they do.
const LESSONS = [
  {right: 'c', networks: ['distilbert', 'sum-network']},
  {right: 'c', networks: [PRESETS.distilbert.replace('learned,1', 'learned,2'), 'sum-network']},
  {right: 'b', networks: [PRESETS.distilbert.replace('learned', 'none'), 'sum-network']},
  {right: 'b', networks: ['distilbert', 'sum-network', 'average']},
  {right: 'c', networks: ['distilbert', 'sum-network'], text: 'perfect*5'},
];

const state = {step: 0, running: false, turn: 0, networks: [], lesson: 0, chosen: {}, replies: {}};

// ---- Words and numbers

const table = new Map($('words').textContent.trim().split('\n').slice(1).map(line => line.split('\t')).map(([key, ...words]) => [key, words]));

function t(key, values = {}) {
  const words = table.get(key)[state.lang === 'de' ? 1 : 0];
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
function number(x, digits) {
  if (!Number.isFinite(x)) return '–';
  const rounded = x.toLocaleString(state.lang, {minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 2});
  return rounded.replace(/^-(?=[0.,]*$)/, '').replace('-', '−');
}
const averages = ({attention}) => attention.startsWith('softmax');
const LEAST_SHARE = .03;  // of the weight of a text
const nameOf = ({letter, switches}) => {
  const preset = presetOf(switches);
  return `${letter} ${preset ? t(`v.${preset}`) : `${t(`v.${switches.architecture}`)}, ${t(`v.${switches.attention}`)}`}`;
};

// ---- The address

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const integer = (name, usual, least, most) => Math.min(most, Math.max(least, Number.parseInt(given.get(name) ?? usual, 10) || least));
  state.lang = given.get('lang') ?? (navigator.language.startsWith('de') ? 'de' : 'en');
  if (!['en', 'de'].includes(state.lang)) state.lang = 'en';
  state.seed = integer('seed', 1, 0, 999999);
  state.goal = integer('step', 0, 0, LAST_STEP);
  state.speed = SPEEDS.find(s => s === Number(given.get('speed'))) ?? (calm ? 125 : 25);
  state.lesson = integer('lesson', 1, 1, LESSONS.length) - 1;
  state.text = given.get('text') ?? 'the movie perfect perfect best';
  state.copied = WORDS.includes(given.get('word')) ? given.get('word') : 'perfect';
  state.layer = integer('layer', 1, 1, 4) - 1;
  state.head = integer('head', 1, 1, 8) - 1;
  state.hide = (given.get('hide') ?? '').split(',').filter(Boolean);
  const asked = ['a', 'b', 'c'].map(letter => given.get(letter));
  state.chosenNetworks = [asked[0] || 'distilbert', asked[1] || 'sum-network', asked[2]].filter(Boolean).map(switchesOf);
}

function write() {
  const networks = state.networks.map(({cls, switches}) => [cls, presetOf(switches) ?? textOf(switches)]);
  const fields = [['seed', state.seed], ['step', state.step], ...networks, ['text', state.text], ['word', state.copied],
    ['layer', state.layer + 1], ['head', state.head + 1], ['lang', state.lang], ['speed', state.speed], ['lesson', state.lesson + 1]];
  if (state.hide.length) fields.push(['hide', state.hide.join(',')]);
  history.replaceState(null, '', '#' + fields.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%20', '+')}`).join('&'));
}

// ---- Training

async function restart(list, goal = 0) {
  const turn = ++state.turn;
  state.networks.forEach(network => network.stop());
  state.networks = list.map((switches, i) => new Network(LETTERS[i], switches));
  Object.assign(state, {step: 0, running: false});
  $('failure').hidden = true;
  drawSwitches();
  try {
    await Promise.all(state.networks.map(network => network.start(state.seed)));
  } catch (error) {
    fail(error);
  }
  if (turn !== state.turn) return;
  drawSwitches();
  draw();
  if (goal > 0) await run(goal);
  else write();
}

async function run(until = LAST_STEP) {
  if (state.running) return;
  const turn = state.turn, goes = () => turn === state.turn && state.step < state.until;
  Object.assign(state, {running: true, until});
  drawBar();
  try {
    while (goes()) {
      const steps = Math.min(state.speed, state.until - state.step, state.step < 100 && !calm ? 5 : Infinity);  // at first F moves fast
      await Promise.all(state.networks.map(network => network.train(state.step, steps)));
      state.step += steps;
      await new Promise(resolve => (document.hidden ? setTimeout(resolve) : requestAnimationFrame(resolve)));
      if (goes()) draw();
    }
  } catch (error) {
    fail(error);
  }
  if (turn === state.turn) await rest();
}

async function rest() {
  state.running = false;
  draw();
  const list = state.networks.map(network => `${nameOf(network)} ${number(network.curve[19], 1)}`).join(', ');
  $('said').textContent = t('said', {step: number(state.step), list});
  write();
  await open();
}

function fail(error) {
  if (!error.network) throw error;
  ++state.turn;
  state.running = false;
  $('failure').hidden = false;
  $('failure').textContent = t('failed', {name: nameOf(error.network), why: error.message});
  drawBar();
}

// ---- Charts

function draw() {
  drawBar();
  if (!state.networks.every(network => network.curve.length)) return;
  drawCurve();
  drawLoss();
  drawNumbers();
}

function drawBar() {
  const ended = state.step >= LAST_STEP;
  $('run').textContent = t(state.running ? 'pause' : 'run');
  $('run').disabled = $('single').disabled = ended && !state.running;
  $('steps-done').textContent = t('steps-done', {step: number(state.step)});
  $('done').value = state.step;
  $('done').setAttribute('aria-label', t('steps'));
}

function drawCurve() {
  const box = $('curve'), narrow = box.clientWidth < 520, all = state.networks.flatMap(network => network.curve);
  const series = state.networks.map(network => ({
    cls: network.cls,
    points: network.curve.map((f, i) => [i + 1, f]),
    marks: [0, 4, 9, 14, 19, 24, 29],
    label: `${narrow ? network.letter : nameOf(network)} ${number(network.curve[29], 1)}`,
  }));
  const truth = {kind: 'truth', points: [[1, 1.5], [30, 45]], label: narrow ? `${number(1.5)}\u00a0n` : t('truth')};
  plot(box, {
    x: [0, 30], y: [Math.min(0, 10 * Math.floor(Math.min(...all) / 10 + .3)), Math.max(50, 10 * Math.ceil(Math.max(...all) / 10))],
    xTitle: t('n'), height: narrow ? 300 : 350, right: narrow ? 60 : 16 + 7.5 * Math.max(...series.map(({label}) => label.length)), format: number,
    describe: `${t('curve')}. ${state.networks.map(network => `${nameOf(network)}: ${[1, 10, 20, 30].map(n => number(network.curve[n - 1], 1)).join(', ')}`).join('; ')}. ${t('truth')}.`,
  }, [truth, ...series]);
}

function drawLoss() {
  const box = $('loss'), narrow = box.clientWidth < 520, best = state.networks[0].best;
  const rule = (y, key, below) => ({kind: 'rule', below, points: [[0, y], [LAST_STEP, y]], label: t(key, {value: number(y, 3)})});
  const series = state.networks.map(({cls, letter, losses}) => ({cls, points: losses.map(([x, y]) => [x, Math.min(y, .8)]), marks: [losses.length - 1], label: `${letter} ${number(losses.at(-1)[1], 3)}`}));
  plot(box, {
    x: [0, LAST_STEP], y: [Math.floor(20 * best - 1) / 20, .8], xTitle: t('steps'), height: 190, right: narrow ? 70 : 185, format: number,
    describe: `${t('loss')}. ${state.networks.map(network => `${nameOf(network)}: ${number(network.loss, 3)}`).join('; ')}. ${t('best', {value: number(best, 3)})}, ${t('guessing', {value: number(Math.LN2, 3)})}.`,
  }, [rule(Math.LN2, 'guessing'), rule(best, 'best', true), ...series]);
}

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith('on')) node[name] = value;
    else if (value !== false) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
// A link within the page; its fragment is the page's state.
function follow(event) {
  event.preventDefault();
  const target = $(event.target.hash.slice(1));
  target.scrollIntoView();
  target.focus();
}

// Draws anew, and the control that had the focus has it again.
function keepFocus(draw) {
  const {id} = document.activeElement;
  draw();
  if (id && document.activeElement.id !== id) $(id)?.focus();
}
const row = (head, cells) => element('tr', {}, element('th', {scope: 'row'}, head), ...cells.map(cell => element('td', {}, cell)));

function drawNumbers() {
  if (!$('numbers').parentElement.open) return;
  const at = [1, 2, 3, 5, 10, 15, 20, 25, 30];
  const head = element('tr', {}, element('th', {scope: 'col'}, t('n')), ...at.map(n => element('th', {scope: 'col'}, String(n))), element('th', {scope: 'col'}, t('loss')));
  const rows = state.networks.map(network => row(nameOf(network), [...at.map(n => number(network.curve[n - 1], 2)), number(network.loss, 4)]));
  rows.unshift(row(t('truth'), [...at.map(n => number(1.5 * n, 1)), number(state.networks[0].best, 4)]));
  $('numbers').replaceChildren(element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)));
}

// ---- Switches

function drawSwitches() {
  const list = state.networks;
  const change = (i, switches) => restart(list.map((network, k) => (k === i ? switches : network.switches)));
  const select = (i, name, label, values, value, differs, act) => element('td', {},
    element('select', {id: `${list[i].cls}-${name}`, class: differs ? 'differs' : '', 'aria-label': `${label}, ${list[i].letter}`, onchange: event => act(event.target.value)},
      ...values.map(([key, text]) => element('option', {value: key, selected: key === value && ''}, text))));
  const head = element('tr', {}, element('td'), ...list.map(({letter, cls}) => element('th', {scope: 'col', class: cls}, `${t('network')} ${letter}`)));
  const presets = element('tr', {}, element('th', {scope: 'row'}, t('preset')), ...list.map(({switches}, i) => {
    const preset = presetOf(switches), values = Object.keys(PRESETS).map(key => [key, t(`v.${key}`)]);
    return select(i, 'preset', t('preset'), preset ? values : [['', t('custom')], ...values], preset ?? '', false, key => change(i, switchesOf(key)));
  }));
  const rows = Object.entries(SWITCHES).map(([name, values]) => element('tr', {}, element('th', {scope: 'row'}, t(name)), ...list.map(({switches}, i) =>
    select(i, name, t(name), values.map(value => [value, table.has(`v.${value}`) ? t(`v.${value}`) : value]), switches[name],
      list.some(other => other.switches[name] !== switches[name]), value => change(i, {...switches, [name]: value})))));
  const parameters = row(t('parameters'), list.map(network => number(network.parameters)));
  keepFocus(() => $('switches').replaceChildren(element('thead', {}, head), element('tbody', {}, presets, ...rows, parameters)));
  $('third').textContent = t(list.length === 3 ? 'no-third' : 'third');
  $('head').replaceChildren(...options(Math.max(...list.map(({switches}) => Number(switches.heads))), state.head));
  $('layer').replaceChildren(...options(Math.max(...list.map(({switches}) => Number(switches.layers))), state.layer));
}
const options = (count, chosen) => Array.from({length: count}, (_, i) => element('option', {value: i, selected: i === chosen && ''}, String(i + 1)));

// ---- The text, and what is inside

function typed() {
  const words = [], unknown = [];
  for (const part of state.text.toLowerCase().split(/[\s,.]+/).filter(Boolean)) {
    const [, word, times] = part.match(/^(.*?)(?:[*×](\d+))?$/);
    if (WORDS.includes(word)) words.push(...Array(Math.min(99, Number(times ?? 1))).fill(WORDS.indexOf(word)));
    else unknown.push(part);
  }
  const note = unknown.length ? t('unknown', {list: unknown.join(', ')}) : words.length > 30 ? t('too-long') : '';
  return {words: words.slice(0, 30), note};
}
const sumOf = words => words.reduce((sum, word) => sum + WEIGHTS[word], 0);

async function open() {
  const {words, note} = typed(), turn = state.turn;
  $('text-note').textContent = note || t('sum-is', {count: words.length, sum: number(sumOf(words))});
  if (state.step === 0 || words.length === 0) {
    $('opened').replaceChildren(element('p', {class: 'note'}, words.length ? t('untrained') : ''));
    return drawQuestion();
  }
  try {
    const copied = WORDS.indexOf(state.copied);
    const answers = await Promise.all(state.networks.map(network => network.call('open', {
      words, copied, reading: network.reading,
      layer: Math.min(state.layer, Number(network.switches.layers) - 1), head: Math.min(state.head, network.reading.heads - 1),
    })));
    if (turn !== state.turn) return;
    state.networks.forEach((network, i) => (network.opened = answers[i]));
    drawOpened(words);
    drawQuestion();
  } catch (error) {
    fail(error);
  }
}

function drawOpened(words = typed().words) {
  const networks = state.networks.filter(({opened}) => opened);
  const articles = networks.map(network => {
    const notes = averages(network.switches) ? ['copies-law', 'plane-note'] : ['copies-free', 'no-slalom'];
    const parts = [['pattern', 'pattern-note'], ['copies', notes[0]], ['plane', notes[1]], ['without', 'without-note']].map(([key, note]) =>
      element('div', {}, element('h4', {}, key === 'copies' ? `${t(key)}: ${state.copied}` : t(key)), element('p', {class: 'note'}, t(note)), element('div', {class: 'plot'})));
    const says = t('says', {name: network.letter, F: number(network.opened.F, 2), sum: number(sumOf(words), 2)});
    return element('article', {class: network.cls}, element('div', {}, element('h3', {}, nameOf(network)), element('p', {}, says)), ...parts);
  });
  $('opened').replaceChildren(...articles);
  networks.forEach((network, i) => drawInside(network, words, ...articles[i].querySelectorAll('.plot')));
}

// The four pictures of one network, in the boxes given.
function drawInside(network, words, pattern, copies, slalom, without) {
  const {cls, opened: o, reading} = network, title = nameOf(network), names = words.map(word => WORDS[word]);
  const rows = reading.special ? ['[CLS]', ...names, '[SEP]'] : names;
  heatmap(pattern, {cls, names: rows, weights: o.pattern, framed: o.query, describe: `${title}. ${t('pattern')}: ${rows.map((name, j) => `${name} ${number(o.pattern[o.query * o.S + j], 2)}`).join(', ')}`});
  drawCopies(copies, network, title);
  drawPlane(slalom, network, title);
  bars(without, {cls, rows: words.map((word, i) => ({name: names[i], value: o.without[i], tick: WEIGHTS[word]})), nothing: t('nothing-left'), describe: `${title}. ${t('without')}: ${names.map((name, i) => `${name} ${number(o.without[i], 2)}`).join(', ')}`});
}

// Networks that average have one; without the words that take so little of the weight that nothing determines their values.
function drawPlane(box, {cls, opened: o, reading, switches}, title) {
  if (!averages(switches)) return;
  const all = reading.special ? [...o.slalom, o.background] : o.slalom;
  const whole = all.reduce((sum, {importance}) => sum + Math.exp(importance), 0);
  const heard = o.slalom.filter(({importance}) => Math.exp(importance) >= LEAST_SHARE * whole);
  const points = heard.map(({word, value, importance}) => ({x: value, y: importance, name: WORDS[word]}));
  if (reading.special) points.push({x: o.background.value, y: o.background.importance, name: '[CLS]', square: true});
  plane(box, {cls, points, xTitle: t('value'), yTitle: t('importance'), describe: `${title}. ${t('plane')}: ${points.map(p => `${p.name} ${number(p.x, 2)}, ${number(p.y, 2)}`).join('; ')}`});
}

function drawCopies(box, network, title) {
  const {copies} = network.opened, odds = copies[0] / (1 - copies[0]);
  const law_holds = averages(network.switches), high = law_holds ? 1 : Math.max(1, ...copies), low = law_holds ? 0 : Math.min(0, ...copies);
  const law = copies.map((_, i) => [i + 1, copies[0] > .999999 ? 1 : (i + 1) * odds / (1 + (i + 1) * odds)]);
  const dots = {cls: network.cls, kind: 'dots', points: copies.map((weight, i) => [i + 1, weight])};
  plot(box, {x: [0, 30], y: [low, high], xTitle: 'n', height: 200, right: 8, format: number, describe: `${title}. ${t('copies')}, ${state.copied}: ${[1, 2, 5, 10, 20, 30].map(n => `${n}: ${number(copies[n - 1], 2)}`).join('; ')}`},
    law_holds ? [{cls: network.cls, points: law}, dots] : [dots]);
}

// ---- Questions

// The networks are those that the question asks about.
const isSetUp = ({networks}) => networks.map(text => textOf(switchesOf(text))).join() === state.networks.map(({switches}) => textOf(switches)).join();

function drawQuestion() {
  const n = state.lesson + 1, lesson = LESSONS[state.lesson], chosen = state.chosen[n];
  const before = state.replies[n], ended = !state.running && state.step === LAST_STEP && state.networks.every(({opened}) => opened);
  if (chosen && ended && isSetUp(lesson)) state.replies[n] ??= found();
  $('step-title').textContent = t(`${n}.title`);
  $('guide-title').textContent = t(`${n}.question`);
  keepFocus(() => {
    $('steps').replaceChildren(...LESSONS.map((_, i) => element('li', {}, element('button', {
      id: `step-${i + 1}`, 'aria-current': i === state.lesson && 'step', class: state.replies[i + 1] ? 'answered' : '', 'aria-label': `${i + 1} ${t(`${i + 1}.title`)}`, title: t(`${i + 1}.title`), onclick: () => show(i)}, String(i + 1)))));
    $('choices').replaceChildren(...['a', 'b', 'c'].map(key => element('button', {
      id: `choice-${key}`, 'aria-pressed': String(key === chosen), onclick: () => choose(key)}, t(`${n}.${key}`))));
    $('reply').replaceChildren(...(chosen ? reply(n, chosen === lesson.right) : []));
  });
  if (state.replies[n] !== before) bringInView('reply');
}
const bringInView = id => $(id).scrollIntoView({block: 'nearest', behavior: calm ? 'auto' : 'smooth'});

function reply(n, right) {
  if (!state.replies[n]) return [element('p', {}, t('watch'))];
  const verdict = element('span', {class: 'verdict'}, t(right ? 'right' : 'wrong'));
  const onward = n < LESSONS.length ? element('button', {id: 'next', onclick: () => show(n)}, t('next')) : element('a', {href: '#why-title', onclick: follow}, t('why'));
  return [element('p', {}, verdict, ' ', t(`${n}.answer`, shown(state.replies[n]))), onward];
}
// What the answers speak of: "A20" is A's F of 20 times "perfect".
function found() {
  const values = {best: [state.networks[0].best, 3]};
  for (const {letter, curve, loss, opened} of state.networks) {
    for (const n of [1, 20, 30]) values[letter + n] = [curve[n - 1], 1];
    Object.assign(values, {
      [`${letter}loss`]: [loss, 3], [`${letter}F`]: [opened.F, 1], [`${letter}without`]: [opened.without[0], 2], [`${letter}value`]: [opened.slalom[0].value, 1],
      [`${letter}copy1`]: [opened.copies[0], 2], [`${letter}copy20`]: [opened.copies[19], 2],
    });
  }
  return values;
}
const shown = values => Object.fromEntries(Object.entries(values).map(([name, [value, digits]]) => [name, number(value, digits)]));

function show(lesson) {
  state.lesson = lesson;
  drawQuestion();
  $('guide-title').focus();
  write();
}

async function choose(key) {
  const n = state.lesson + 1, {networks, text} = LESSONS[state.lesson];
  state.chosen[n] = key;
  const same = isSetUp(LESSONS[state.lesson]);
  if (text) $('text').value = state.text = text;
  Object.assign(state, {copied: 'perfect', layer: 0, head: 0});
  for (const id of ['copied', 'layer', 'head']) $(id).value = state[id];
  drawQuestion();
  bringInView('curve');
  if (same && state.step === LAST_STEP) await open();
  else if (same) await run();
  else await restart(networks.map(switchesOf), LAST_STEP);
}

// ---- Start

function translate() {
  document.documentElement.lang = state.lang;
  document.title = `slalom.cpp: ${t('title')}`;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  $('numbers').setAttribute('aria-label', t('numbers'));
  $('keys').setAttribute('aria-label', t('keys'));
  $('weights').replaceChildren(...WORDS.map((word, i) => element('li', {class: WEIGHTS[i] ? '' : 'weightless'}, element('span', {lang: 'en'}, word), element('span', {}, number(WEIGHTS[i])))));
  $('keys').replaceChildren(...WORDS.map(word => element('button', {lang: 'en', onclick: () => retype(`${state.text.trim()} ${word}`)}, word)));
  for (const part of document.querySelectorAll('[data-part]')) part.hidden = state.hide.includes(part.dataset.part);
}

function retype(text) {
  $('text').value = state.text = text;
  write();
  open();
}

function fill() {
  translate();
  $('lang').value = state.lang;
  $('seed').value = state.seed;
  $('text').value = state.text;
  $('speed').replaceChildren(...SPEEDS.map(s => element('option', {value: s, selected: s === state.speed && ''}, t('speed-is', {n: s}))));
  $('copied').replaceChildren(...WORDS.map(word => element('option', {selected: word === state.copied && ''}, word)));
  drawBar();
  drawQuestion();
}

async function begin() {
  read();
  fill();
  await restart(state.chosenNetworks, state.goal);
  await open();
}

const again = goal => restart(state.networks.map(({switches}) => switches), goal);
const change = (id, act) => $(id).addEventListener('change', event => act(event.target.value));
const pause = () => (state.until = 0);  // after the steps under way
$('run').onclick = () => (state.running ? pause() : run());
$('single').onclick = () => (state.running ? pause() : run(state.step + 1));
$('restart').onclick = () => again(0);
change('seed', value => { state.seed = Math.min(999999, Math.max(0, Math.trunc(Number(value)) || 0)); $('seed').value = state.seed; again(0); });
change('speed', value => { state.speed = Number(value); write(); });
change('lang', value => { state.lang = value; fill(); drawSwitches(); draw(); write(); open(); });
change('copied', value => { state.copied = value; write(); open(); });
change('layer', value => { state.layer = Number(value); write(); open(); });
change('head', value => { state.head = Number(value); write(); open(); });
$('text').oninput = event => { state.text = event.target.value; open(); };
change('text', write);
$('third').onclick = () => {
  const list = state.networks.map(({switches}) => switches);
  restart(list.length === 3 ? list.slice(0, 2) : [...list, switchesOf('average')]);
};
$('numbers').parentElement.ontoggle = drawNumbers;
document.querySelector('.skip').onclick = follow;
addEventListener('hashchange', begin);
let width = innerWidth;
addEventListener('resize', () => {
  if (innerWidth === width) return;
  width = innerWidth;
  draw();
  drawOpened();
});
begin();
