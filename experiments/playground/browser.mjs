// A headless Chromium through its DevTools pipe: nothing but Node is needed.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

export class Browser {
  constructor() {
    this.profile = mkdtempSync(join(tmpdir(), 'playground-'));
    const root = process.getuid() === 0 ? ['--no-sandbox'] : [];
    this.process = spawn('chromium', ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${this.profile}`, '--no-first-run', '--disable-gpu', ...root, 'about:blank'],
      {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']});
    this.answers = new Map();
    this.listeners = [];
    let read = '';
    this.process.stdio[4].on('data', bytes => {
      const parts = (read + bytes).split('\0');
      read = parts.pop();
      for (const part of parts) this.receive(JSON.parse(part));
    });
  }

  receive(message) {
    if (message.id === undefined) return this.listeners.forEach(listener => listener(message.method, message.params));
    const {resolve, reject} = this.answers.get(message.id);
    this.answers.delete(message.id);
    if (message.error) reject(Error(message.error.message));
    else resolve(message.result);
  }

  send(method, params = {}) {
    const id = this.sent = (this.sent ?? 0) + 1;
    return new Promise((resolve, reject) => {
      this.answers.set(id, {resolve, reject});
      this.process.stdio[3].write(JSON.stringify({id, method, params, sessionId: this.session}) + '\0');
    });
  }

  async open(address) {
    const {targetInfos} = await this.send('Target.getTargets');
    const {targetId} = targetInfos.find(({type}) => type === 'page');
    this.session = (await this.send('Target.attachToTarget', {targetId, flatten: true})).sessionId;
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.send(`${domain}.enable`);
    await this.send('Page.navigate', {url: address});
  }

  // The value of an expression, awaited, in the page.
  async evaluate(expression) {
    const {result, exceptionDetails} = await this.send('Runtime.evaluate', {expression, awaitPromise: true, returnByValue: true});
    if (exceptionDetails) throw Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async until(expression, seconds = 120) {
    for (const end = Date.now() + 1000 * seconds; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 20)))
      if (await this.evaluate(expression).catch(() => false)) return;
    throw Error(`after ${seconds} s still not: ${expression}`);
  }

  async close() {
    await this.send('Browser.close').catch(() => {});
    await new Promise(resolve => (this.process.exitCode === null ? this.process.once('exit', resolve) : resolve()));
    rmSync(this.profile, {recursive: true, force: true});
  }
}
