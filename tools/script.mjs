// Runs one end-to-end script: shows what it prints, and says why it ended where it does not say so itself.

import { spawn } from 'node:child_process';

/** A script prints at least every minute while it waits; one that prints nothing for this long is stuck. */
export const SILENCE_MS = 10 * 60_000;

/** What a script gets to say where it is stuck and to take a picture, before it is killed. */
const LAST_WORDS_MS = 60_000;

/**
 * @returns what the script counted, and why it is not to be believed: undefined where it ended as it should.
 */
export function runScript(file, { silenceMs = SILENCE_MS, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const started = Date.now();
    let output = '';
    let stopped = '';
    let timers = [];
    const later = (act, ms) => timers.push(setTimeout(act, ms));
    const heard = () => {
      if (stopped) return;
      timers.forEach(clearTimeout);
      timers = [];
      later(() => {
        stopped = `it printed nothing for ${silenceMs / 1000} s and was stopped`;
        if (child.connected) child.send('stop');
        later(() => child.kill('SIGKILL'), LAST_WORDS_MS);
      }, silenceMs);
    };
    heard();
    child.stdout.on('data', (data) => {
      output += data;
      process.stdout.write(data);
      heard();
    });
    const end = (how) => {
      timers.forEach(clearTimeout);
      const [, passed = 0, failed = 0] = [...output.matchAll(/(\d+) passed, (\d+) failed/g)].at(-1) ?? [];
      const counts = { passed: Number(passed), failed: Number(failed) };
      // A failed check has said its reason already, and counts for the whole script.
      if (counts.failed > 0 || (how === 'exit code 0' && counts.passed > 0)) return resolve(counts);
      const step = [...output.matchAll(/^(started|passed|FAILED): (.*)$/gm)].at(-1);
      const where = !step ? 'before its first step' : `${step[1] === 'started' ? 'in' : 'after'} the step "${step[2]}"`;
      const seconds = Math.round((Date.now() - started) / 1000);
      resolve({ ...counts, why: `${stopped || `it ended with ${how}`}, ${where}, after ${seconds} s` });
    };
    child.on('error', (error) => end(String(error)));
    child.on('close', (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`));
  });
}
