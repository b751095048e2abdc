// One model in a thread of its own: {id, call, …} comes in, {id, answer} or {id, error} goes out.
let wasm, model, message = '';

// Of the system only stderr is there: what the program says before it stops.
const system = new Proxy({}, {
  get: (_, name) => (...given) => {
    if (name === 'proc_exit') throw Error(message);
    if (name !== 'fd_write') return 0;
    const [, parts, count, written] = given, memory = new DataView(wasm.memory.buffer);
    let bytes = 0;
    for (let i = 0; i < count; ++i) {
      const from = memory.getUint32(parts + 8 * i, true), size = memory.getUint32(parts + 8 * i + 4, true);
      message += new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, from, size));
      bytes += size;
    }
    memory.setUint32(written, bytes, true);
    return 0;
  },
});

const numbers = (at, count) => Array.from(new Float64Array(wasm.memory.buffer, at, count));

function put(words) {
  new Int32Array(wasm.memory.buffer, wasm.playground_text(model), 30).set(words);
  return words.length;
}
const logOdds = words => wasm.playground_log_odds(model, put(words));

// Where the read-out row and the words are among the S rows of a text of n words.
function layout(n, {special, readsLast}) {
  const S = n + (special ? 2 : 0);
  return {S, first: special ? 1 : 0, query: readsLast ? S - 1 : 0};
}
function pattern(words, layer, {heads, ...reading}) {
  const {S} = layout(words.length, reading);
  return numbers(wasm.playground_pattern(model, put(words), layer), heads * S * S);
}

function state() {
  return {loss: wasm.playground_loss(model), curve: numbers(wasm.playground_curve(model, 5), 30)};
}

const calls = {
  create({bytes, switches, seed}) {
    wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes), {wasi_snapshot_preview1: system}).exports;
    wasm._initialize();
    model = wasm.playground_create(...switches, seed);
    return {parameters: wasm.playground_parameters(model), best: wasm.playground_best_loss(model), ...state()};
  },
  train({steps}) {
    wasm.playground_train(model, steps);
    return state();
  },
  // F, attention, SLALOM and leave-one-out of a text; the weight of 1 … 30 copies of a word in the first layer.
  open({words, copied, layer, head, reading}) {
    const n = words.length, F = logOdds(words), {S, query} = layout(n, reading);
    const heads = pattern(words, layer, reading);
    const copies = Array.from({length: 30}, (_, i) => {
      const {S, first, query} = layout(i + 1, reading);
      const row = pattern(Array(i + 1).fill(copied), 0, reading).slice((head * S + query) * S, (head * S + query + 1) * S);
      return row.slice(first, first + i + 1).reduce((sum, weight) => sum + weight, 0);
    });
    const without = words.map((_, i) => n === 1 && !reading.special ? NaN : F - logOdds(words.filter((_, j) => j !== i)));
    const distinct = [...new Set(words)], K = distinct.length, slalom = numbers(wasm.playground_slalom(model, put(distinct)), 2 * K + 2);
    return {
      F, S, query, pattern: heads.slice(head * S * S, (head + 1) * S * S), copies, without,
      slalom: distinct.map((word, k) => ({word, value: slalom[k], importance: slalom[K + k]})),
      background: {value: slalom[2 * K], importance: slalom[2 * K + 1]},
    };
  },
};

onmessage = ({data}) => {
  try {
    postMessage({id: data.id, answer: calls[data.call](data)});
  } catch (error) {
    postMessage({id: data.id, error: message.trim() || String(error)});
  }
};
