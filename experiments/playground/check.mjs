// check.mjs PAGE PLAIN BLAS: the page's F has the bits of the native program with the same plain kernels, in Node's WASI and
// in Chromium, and the program with BLAS agrees to rounding. The page asks for nothing, and says nothing on the console.
import {execFileSync} from 'node:child_process';
import {readFileSync, statSync} from 'node:fs';
import {resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {WASI} from 'node:wasi';
import {Browser} from './browser.mjs';

const [page, plain, blas] = process.argv.slice(2).map(path => resolve(path));
const SEED = 1, STEPS = [1, 100, 1250], ALL_STEPS = [1, 10, 100, 1250];
const NETWORKS = ['distilbert', 'sum-network', 'average', 'gpt2,sigmoid,rms,rope,2,2,32,yes,yes,no'];
const html = readFileSync(page, 'utf8');
const part = name => html.match(new RegExp(`id="${name}">\n([^<]*)`))[1];

// The page's own tables of switches.
const source = html.slice(html.lastIndexOf('<script>') + 8, html.lastIndexOf('const base64'));
const numbersOf = new Function(`${source.slice(source.indexOf('const SWITCHES'))}; return text => numbersOf(switchesOf(text));`)();

let failed = false;
function check(holds, what) {
  failed ||= !holds;
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}`);
}
const floatOf = word => new Float32Array(new Uint32Array([parseInt(word, 16)]).buffer)[0];
const hex = curve => [...new Uint32Array(new Float32Array(curve).buffer)].map(bits => bits.toString(16).padStart(8, '0')).join(' ');

function native(program, switches) {
  const start = performance.now();
  const lines = execFileSync(program, [SEED, ...switches, ...ALL_STEPS].map(String), {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: {...process.env, OMP_NUM_THREADS: '1'}}).trim().split('\n');
  return {curves: Object.fromEntries(lines.map(line => [line.split(' ')[0], line.slice(line.indexOf(' ') + 1)])), rate: rate(start)};
}
const rate = start => Math.round(1250 / (performance.now() - start) * 1000);

async function inNode(switches) {
  const wasi = new WASI({version: 'preview1'});
  const {instance} = await WebAssembly.instantiate(Buffer.from(part('wasm'), 'base64'), wasi.getImportObject());
  wasi.initialize(instance);
  const wasm = instance.exports, start = performance.now(), model = wasm.playground_create(...switches, SEED), curves = {};
  STEPS.reduce((done, step) => {
    wasm.playground_train(model, step - done);
    const curve = wasm.playground_curve(model, 5);  // memory may have grown
    curves[step] = hex(new Float64Array(wasm.memory.buffer, curve, 30));
    return step;
  }, 0);
  return {curves, rate: rate(start)};
}

async function inChromium(networks) {
  const browser = new Browser(), said = [], requests = [];
  browser.listeners.push((method, event) => {
    if (['Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded'].includes(method)) said.push(JSON.stringify(event));
    if (method === 'Network.requestWillBeSent') requests.push(event.request.url);
  });
  const address = pathToFileURL(page).href, found = [{}, {}, {}];
  let first, seconds = 0;
  try {
    await browser.open(`${address}#seed=${SEED}&${networks.map((text, i) => `${'abc'[i]}=${text}`).join('&')}`);
    await browser.until("document.querySelector('#curve svg') !== null");
    first = await browser.evaluate('Math.round(performance.now())');
    for (const step of STEPS) {
      const start = performance.now();
      await browser.evaluate(`run(${step})`);
      seconds += (performance.now() - start) / 1000;
      const curves = await browser.evaluate('state.networks.map(network => network.curve)');
      curves.forEach((curve, i) => (found[i][step] = hex(curve)));
    }
  } finally {
    await browser.close();
  }
  check(said.length === 0, `console is empty ${said.join('\n')}`);
  const strangers = requests.filter(url => !url.startsWith('blob:') && url.split('#')[0] !== address);
  check(requests.length > 0 && strangers.length === 0, `no request leaves the page ${strangers.join(' ')}`);
  return {curves: found, first, seconds};
}

check(statSync(page).size <= 1e6, `${statSync(page).size} bytes, at most 1 MB`);
const browsers = [await inChromium(['distilbert']), await inChromium(NETWORKS.slice(0, 3)), await inChromium(NETWORKS.slice(2))];
const inPage = [...browsers[1].curves, browsers[2].curves[1]];
for (const [i, text] of NETWORKS.entries()) {
  const switches = numbersOf(text), wanted = native(plain, switches), node = await inNode(switches), fast = native(blas, switches);
  for (const step of STEPS) {
    check(node.curves[step] === wanted.curves[step], `${text}: step ${step} in Node has the native bits`);
    check(inPage[i][step] === wanted.curves[step], `${text}: step ${step} in Chromium has the native bits`);
  }
  const apart = step => Math.max(...fast.curves[step].split(' ').map((word, n) => Math.abs(floatOf(word) - floatOf(wanted.curves[step].split(' ')[n]))));
  check(apart(1) < 1e-5 && apart(10) < 1e-4, `${text}: BLAS differs by ${ALL_STEPS.map(step => `${apart(step).toExponential(1)} after ${step}`).join(', ')} steps`);
  console.log(`       ${node.rate} steps/s in Node, ${wanted.rate} native with plain kernels, ${fast.rate} with BLAS, one thread each`);
}
console.log(`first curve after ${browsers[0].first} ms; DistilBERT, width 64, next to a small network that sums: 1,250 steps in ${browsers[0].seconds.toFixed(1)} s`);
process.exit(failed ? 1 : 0);
