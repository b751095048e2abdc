// The networks' switches, as the page, the address and playground_create() have them, and their threads.
const SWITCHES = {
  architecture: ['distilbert', 'bert', 'gpt2'],
  attention: ['softmax', 'softmax-plus-one', 'sigmoid', 'linear', 'sum'],
  norm: ['layer', 'rms', 'none'],
  positions: ['learned', 'rope', 'none'],
  layers: ['1', '2', '3', '4'],
  heads: ['1', '2', '4', '8'],
  width: ['16', '32', '64'],
  feed_forward: ['yes', 'no'],
  special: ['yes', 'no'],
  hidden: ['yes', 'no'],
};
const PRESETS = {
  distilbert: 'distilbert,softmax,layer,learned,1,4,64,yes,yes,yes',
  bert: 'bert,softmax,layer,learned,1,4,64,yes,yes,yes',
  gpt2: 'gpt2,softmax,layer,learned,1,4,64,yes,no,no',
  'sum-network': 'distilbert,sum,none,none,1,4,64,no,yes,no',
  average: 'distilbert,softmax,none,none,1,4,64,no,yes,no',
};
const WORDS = ['the', 'we', 'movie', 'watch', 'best', 'perfect', 'good', 'worst', 'poor', 'ok'];
const WEIGHTS = [0, 0, 0, 0, 1, 1.5, .7, -1.5, -1, -.7];
const PERFECT = 5, LAST_STEP = 1250;

// "distilbert,softmax,…" → {architecture: 'distilbert', …}; what is not a value of its switch is the preset's.
function switchesOf(text) {
  const given = (PRESETS[text] || text || '').split(','), usual = PRESETS.distilbert.split(',');
  return Object.fromEntries(Object.keys(SWITCHES).map((name, i) => [name, SWITCHES[name].includes(given[i]) ? given[i] : usual[i]]));
}
const textOf = switches => Object.keys(SWITCHES).map(name => switches[name]).join(',');
const presetOf = switches => Object.keys(PRESETS).find(name => PRESETS[name] === textOf(switches));

function numbersOf(switches) {
  const architecture = {bert: 0, distilbert: 1, gpt2: 3};
  return Object.entries(switches).map(([name, value]) =>
    name === 'architecture' ? architecture[value]
    : ['layers', 'heads', 'width'].includes(name) ? Number(value)
    : SWITCHES[name].length === 2 ? Number(value === 'yes')
    : SWITCHES[name].indexOf(value));
}

const base64 = document.getElementById('wasm').textContent.trim();
const wasmBytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
const workerAddress = URL.createObjectURL(new Blob([document.getElementById('worker').textContent], {type: 'text/javascript'}));

class Network {
  constructor(letter, switches) {
    Object.assign(this, {letter, switches, cls: letter.toLowerCase(), losses: [], curve: [], opened: null});
  }

  get reading() {
    return {special: this.switches.special === 'yes', readsLast: this.switches.architecture === 'gpt2', heads: Number(this.switches.heads)};
  }

  async start(seed) {
    this.stop();
    this.worker = new Worker(workerAddress);
    this.asked = new Map();
    this.worker.onmessage = ({data: {id, answer, error}}) => {
      const {resolve, reject} = this.asked.get(id);
      this.asked.delete(id);
      if (error) reject(Object.assign(Error(error), {network: this}));
      else resolve(answer);
    };
    const {parameters, best, ...state} = await this.call('create', {bytes: wasmBytes, switches: numbersOf(this.switches), seed});
    Object.assign(this, {parameters, best, losses: [], opened: null});
    this.note(0, state);
  }

  call(call, given) {
    const id = this.calls = (this.calls || 0) + 1;
    return new Promise((resolve, reject) => {
      this.asked.set(id, {resolve, reject});
      this.worker.postMessage({id, call, ...given});
    });
  }

  note(step, {loss, curve}) {
    this.losses.push([step, loss]);
    this.curve = curve;
  }
  get loss() {
    return this.losses.at(-1)?.[1];
  }

  async train(from, steps) {
    this.note(from + steps, await this.call('train', {steps}));
  }
  stop() {
    this.worker?.terminate();
  }
}
