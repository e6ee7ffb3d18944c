/**
 * A sandbox that works for a long time: builds, scripts, tools and stressors, round after round. What the sentry has of the
 * host is looked at every ten seconds from outside, and its heap between the rounds; neither may grow.
 *
 * node test/load/soak.ts [--minutes N]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { countDescriptors, probeEnvironment, type SentryState, sentryOf, sentryState } from '../fuzz/sentry-state.ts';
import { plainEnvironment, repositoryRoot, runProcess, runscPath } from '../run-process.ts';

const SAMPLE_MS = 10_000;
/** A round takes a minute or two; on a busy machine several. */
const ROUND_TIMEOUT_MS = 900_000;
const IDLE_CHILDREN = 3;
/** Stressors that are killed leave children behind, of which one goes on until it has written to half of the memory: minutes where a page costs 20 µs. */
const CHILDREN_END_MS = 600_000;
/** What the last round may have more than that in which the last class ran first: code compiled late, caches that have bounds. */
const HEAP_SLACK_MB = 10;
const RESIDENT_SLACK_MB = 64;

const classes = ['pipe', 'scheduler', 'interrupt', 'vm', 'filesystem', 'io', 'memory', 'os'];

/** Each of its commands must end with 0. */
const round = `
set -e
cd work
for i in 1 2 3; do
  printf '#include <stdio.h>\\nint f%d(void) { return %d; }\\n' $i $i > f$i.c
  gcc -O2 -c f$i.c -o f$i.o
done
printf '#include <stdio.h>\\nint f1(void), f2(void), f3(void);\\nint main(void) { printf("%%d\\\\n", f1() + f2() + f3()); }\\n' > m.c
gcc -O2 -o m m.c f1.o f2.o f3.o
test "$(./m)" = 6
python3 -c '
import hashlib, os, sqlite3, subprocess, tempfile, threading, zlib
data = os.urandom(1 << 20)
assert zlib.decompress(zlib.compress(data)) == data
base = sqlite3.connect("base"); base.execute("create table t (a, b)")
base.executemany("insert into t values (?, ?)", ((i, i * i) for i in range(2000))); base.commit()
assert base.execute("select sum(b) from t").fetchone()[0] == sum(i * i for i in range(2000))
assert subprocess.run(["wc", "-c"], input=data, capture_output=True).stdout.strip() == b"1048576"
threads = [threading.Thread(target=hashlib.sha256, args=(data,)) for _ in range(20)]
for t in threads: t.start()
for t in threads: t.join()
'
find /usr/include -name '*.h' | sort | head -2000 | xargs cat | sha256sum > /dev/null
tar cf - -C /usr/include . | tar tf - | wc -l > /dev/null
seq 1 200000 | sort -R | sort -n | tail -1 | grep -qx 200000
cd ..
rm -rf work
mkdir work
`;

interface Sample {
  readonly seconds: number;
  readonly residentMb: number;
  readonly descriptors: number;
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
const begin = performance.now();
const endMs = begin + Number(values.minutes) * 60_000;
const secondsNow = (): number => Math.round((performance.now() - begin) / 1000);

await runProcess(runscPath, [], { cwd: repositoryRoot, env: { TSVISOR_PREPARE: '1' }, timeoutMs: 120_000 });
const directory = mkdtempSync(join(tmpdir(), 'soak-'));
writeFileSync(join(directory, 'round'), round);
const probeFile = join(directory, 'probe');
const child = spawn(
  runscPath,
  ['do', 'sh', '-c', 'mkdir work; while read -r line; do eval "$line"; echo "done $?"; done'],
  {
    cwd: directory,
    env: { ...plainEnvironment, ...probeEnvironment(probeFile) },
    stdio: ['pipe', 'pipe', 'inherit'],
  },
);
const pid = child.pid ?? 0;

const samples: Sample[] = [];
const sampler = setInterval(() => {
  const sentry = sentryOf(pid);
  const status = readFileSync(`/proc/${sentry}/status`, 'latin1');
  const residentMb = Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
  const sample = { seconds: secondsNow(), residentMb, descriptors: countDescriptors(sentry) };
  samples.push(sample);
  console.log(`${sample.seconds} s: ${residentMb} MB, ${sample.descriptors} descriptors`);
}, SAMPLE_MS);

let answer: (line: string) => void = () => {};
createInterface({ input: child.stdout }).on('line', (line) => {
  if (line.startsWith('done ')) answer(line);
  else console.log(line);
});
child.once('exit', (code, signal) => answer(`ended with ${code ?? signal}`));

/** What the shell in the sandbox says of a command: "done STATUS". */
function run(command: string): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('takes too long'), ROUND_TIMEOUT_MS);
    answer = (line) => {
      clearTimeout(timer);
      resolve(line);
    };
    child.stdin.write(`${command}\n`);
  });
}

const states: SentryState[] = [];
const failures: string[] = [];
for (let i = 0; performance.now() < endMs && failures.length === 0; i++) {
  const said = await run('sh round');
  if (said !== 'done 0') failures.push(`round ${i}: ${said}`);
  const name = classes[i % classes.length] ?? '';
  // Some stressors are for kernels that have what we have not: how they end is theirs to say.
  const stressed = await run(
    `(cd work && stress-ng --quiet --class ${name} --seq 1 --timeout 1 --temp-path . --oom-avoid)`,
  );
  if (!stressed.startsWith('done')) failures.push(`stressors of class ${name}: ${stressed}`);
  if (failures.length > 0) break;
  const state = await sentryState(pid, probeFile, IDLE_CHILDREN, CHILDREN_END_MS);
  states.push(state);
  console.log(`${secondsNow()} s: round ${i} with ${name}: ${stressed}, ${JSON.stringify(state)}`);
}
clearInterval(sampler);
child.kill('SIGKILL');
rmSync(directory, { recursive: true, force: true });

// By then every class has run once, and what is compiled or kept for it is there.
const early = states[classes.length - 1] ?? states[1] ?? states[0];
const last = states.at(-1);
if (early === undefined || last === undefined) failures.push('no round came to its end');
else {
  if (last.heapMb > early.heapMb + HEAP_SLACK_MB) failures.push(`heap: ${early.heapMb} to ${last.heapMb} MB`);
  if (last.residentMb > early.residentMb + RESIDENT_SLACK_MB) {
    failures.push(`resident: ${early.residentMb} to ${last.residentMb} MB`);
  }
  if (last.threads > early.threads) failures.push(`threads: ${early.threads} to ${last.threads}`);
}
const most = Math.max(...samples.map(({ residentMb }) => residentMb));
console.log(`${states.length} rounds in ${secondsNow()} s, at most ${most} MB resident`);
for (const failure of failures) console.log(`not so: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
