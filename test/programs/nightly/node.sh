# Node.js: worker threads, child processes, a cluster behind HTTP, files, streams, timers.
# Needs: node
export NODE_NO_WARNINGS=1
cat > cluster.cjs <<'EOF'
const cluster = require('node:cluster'), http = require('node:http');
if (cluster.isPrimary) {
  const workers = 3;
  let listening = 0;
  const agent = new http.Agent({ keepAlive: false });
  const get = (port) => new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', agent }, (r) => { let s = ''; r.on('data', (d) => (s += d)); r.on('end', () => resolve(s)); }).on('error', reject);
  });
  for (let i = 0; i < workers; i++) cluster.fork();
  cluster.on('listening', async (_, address) => {
    if (++listening < workers) return;
    const answers = await Promise.all(Array.from({ length: 60 }, () => get(address.port)));
    const seen = new Map();
    for (const a of answers) seen.set(a, (seen.get(a) ?? 0) + 1);
    console.log('answers', answers.length, 'from', seen.size, [...seen.values()].every((n) => n > 0));
    const [first] = Object.values(cluster.workers);
    first.process.kill('SIGKILL');
    first.on('exit', (code, signal) => { console.log('worker', code, signal); cluster.disconnect(() => console.log('disconnected')); });
  });
} else http.createServer((_, response) => response.end(`worker ${cluster.worker.id}`)).listen(0, '127.0.0.1');
EOF
cat > workers.cjs <<'EOF'
const { Worker, isMainThread, workerData, parentPort, MessageChannel, receiveMessageOnPort } = require('node:worker_threads');
if (isMainThread) {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const run = (n) => new Promise((resolve, reject) => {
    const w = new Worker(__filename, { workerData: { n, shared } });
    let answer; w.on('message', (m) => (answer = m)); w.on('error', reject); w.on('exit', (code) => resolve([answer, code]));
  });
  Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(run)).then((all) => {
    console.log('workers', JSON.stringify(all), Atomics.load(shared, 0));
    const w = new Worker('for (;;) {}', { eval: true });
    w.on('online', () => w.terminate().then((code) => {
      console.log('terminated', code);
      const failing = new Worker('throw new Error("inside")', { eval: true });
      failing.on('error', (e) => console.log('error', e.message));
    }));
    console.log('timed out', Atomics.wait(shared, 1, 0, 20));
  });
} else {
  for (let i = 0; i < 10000; i++) Atomics.add(workerData.shared, 0, 1);
  parentPort.postMessage(workerData.n ** 2);
  process.exit(workerData.n);
}
EOF
cat > processes.cjs <<'EOF'
const { spawn, spawnSync, exec, execFile, execFileSync, fork } = require('node:child_process');
const done = (p) => new Promise((resolve) => p.on('close', (code, signal) => resolve([code, signal])));
const text = (stream) => new Promise((resolve) => { let s = ''; stream.on('data', (d) => (s += d)); stream.on('end', () => resolve(s)); });
(async () => {
  if (process.argv[2] === 'child') { process.on('message', (m) => { process.send(m * 2); if (m === 3) process.disconnect(); }); return; }
  console.log(execFileSync('echo', ['sync']).toString().trim(), spawnSync('sh', ['-c', 'exit 3']).status, spawnSync('/missing').error.code);
  const cat = spawn('cat'); cat.stdin.end('x'.repeat(300000)); console.log('cat', (await text(cat.stdout)).length, await done(cat));
  const sleeper = spawn('sleep', ['100']); sleeper.kill('SIGTERM'); console.log('killed', await done(sleeper));
  await new Promise((r) => exec('echo out; echo err >&2; exit 4', (e, out, err) => { console.log('exec', e.code, out.trim(), err.trim()); r(); }));
  await new Promise((r) => execFile('sleep', ['100'], { timeout: 50 }, (e) => { console.log('time', e.killed, e.signal); r(); }));
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => { const p = spawn('sh', ['-c', `echo ${i}`]); return text(p.stdout); }));
  console.log('many', all.map(Number).reduce((a, b) => a + b));
  const child = fork(__filename, ['child']); const got = [];
  child.on('message', (m) => got.push(m)); for (const n of [1, 2, 3]) child.send(n);
  console.log('fork', await done(child), got);
  const inherited = spawn('sh', ['-c', 'echo to fd three >&3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  console.log((await text(inherited.stdio[3])).trim());
  const detached = spawn('sh', ['-c', 'ps -o sid= -p $$ | grep -c .'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  console.log('detached', (await text(detached.stdout)).trim());
  process.on('SIGUSR2', () => { console.log('signal'); clearInterval(keep); }); const keep = setInterval(() => {}, 1000); process.kill(process.pid, 'SIGUSR2');
})();
EOF
cat > files.mjs <<'EOF'
import fs from 'node:fs'; import fsp from 'node:fs/promises'; import path from 'node:path'; import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib'; import crypto from 'node:crypto'; import os from 'node:os'; import net from 'node:net'; import dgram from 'node:dgram'; import dns from 'node:dns/promises';
const dir = await fsp.mkdtemp('./files-');
await Promise.all(Array.from({ length: 200 }, (_, i) => fsp.writeFile(path.join(dir, `f${i}`), 'x'.repeat(i))));
const sizes = await Promise.all((await fsp.readdir(dir)).map(async (f) => (await fsp.stat(path.join(dir, f))).size));
console.log('files', sizes.length, sizes.reduce((a, b) => a + b));
await fsp.writeFile(path.join(dir, 'big'), Buffer.alloc(3 << 20, 'abc'));
await pipeline(fs.createReadStream(path.join(dir, 'big')), zlib.createGzip(), fs.createWriteStream(path.join(dir, 'big.gz')));
await pipeline(fs.createReadStream(path.join(dir, 'big.gz')), zlib.createGunzip(), fs.createWriteStream(path.join(dir, 'big2')));
console.log(crypto.createHash('sha256').update(fs.readFileSync(path.join(dir, 'big2'))).digest('hex').slice(0, 16));
console.log((await new Promise((r) => crypto.pbkdf2('p', 's', 10000, 16, 'sha256', (_, k) => r(k)))).toString('hex'));
const watcher = fs.watch(dir); const event = new Promise((r) => watcher.once('change', (type, name) => r([type, name]))); fs.writeFileSync(path.join(dir, 'seen'), ''); console.log('watch', await event); watcher.close();
try { fs.openSync('missing'); } catch (e) { console.log(e.code, e.syscall); }
try { fs.rmdirSync(dir); } catch (e) { console.log(e.code); }
await fsp.cp(dir, 'copied', { recursive: true }); console.log(fs.readdirSync('copied').length); fs.rmSync(dir, { recursive: true });
fs.symlinkSync('copied', 'link'); console.log(fs.realpathSync('link') === path.resolve('copied'), fs.existsSync(dir));
console.log(os.cpus().length > 0, os.totalmem() > 1 << 28, os.freemem() > 0, os.platform(), process.memoryUsage().rss > 1 << 20, os.availableParallelism() > 0);
const server = net.createServer((s) => s.pipe(s)).listen('./sock'); await new Promise((r) => server.on('listening', r));
const client = net.connect('./sock'); client.end('hello unix'); let s = ''; for await (const d of client) s += d; console.log(s); server.close();
const tcp = net.createServer({ allowHalfOpen: true }, (c) => { let n = 0; c.on('data', (d) => (n += d.length)); c.on('end', () => c.end(String(n))); }).listen(0, '127.0.0.1'); await new Promise((r) => tcp.on('listening', r));
const answers = await Promise.all(Array.from({ length: 20 }, async (_, i) => { const c = net.connect(tcp.address().port, '127.0.0.1'); c.end(Buffer.alloc(i * 10000)); let s = ''; for await (const d of c) s += d; return Number(s); }));
console.log('tcp', answers.reduce((a, b) => a + b)); tcp.close();
const refused = net.connect(1, '127.0.0.1'); console.log(await new Promise((r) => refused.on('error', (e) => r(e.code))));
const a = dgram.createSocket('udp4'); await new Promise((r) => a.bind(0, '127.0.0.1', r)); const b = dgram.createSocket('udp4'); b.send('datagram', a.address().port, '127.0.0.1');
console.log(await new Promise((r) => a.on('message', (m) => r(m.toString())))); a.close(); b.close();
console.log((await dns.lookup('localhost', { family: 4 })).address);
const web = (await import('node:http')).createServer((q, r) => { let n = 0; q.on('data', (d) => (n += d.length)); q.on('end', () => r.end(`${q.method} ${q.url} ${n}`)); }).listen(0); await new Promise((r) => web.on('listening', r));
console.log(await (await fetch(`http://localhost:${web.address().port}/path?q`, { method: 'POST', body: 'y'.repeat(100000) })).text()); web.close(); web.closeAllConnections();
EOF
for program in cluster.cjs workers.cjs processes.cjs files.mjs; do echo "$program"; node $program; echo "exit $?"; done
node -e 'process.exit(9)'; echo "exit $?"
node -e 'throw new TypeError("x")' 2>&1 | grep -c TypeError
echo 'console.log(6 * 7)' | node; node -p '[1,2,3].map((x) => x ** 2)'
{ node -e 'process.abort()'; } 2> /dev/null; echo "abort $?"
{ node --max-old-space-size=30 -e 'const a = []; for (;;) a.push(new Array(1000).fill(1))'; } > /dev/null 2>&1; echo "out of memory $?"
printf 'import test from "node:test"; test("passes", () => {}); test("fails", () => { throw 1 })' > t.test.mjs
node --test t.test.mjs | grep -E '^# (pass|fail)|^ℹ (pass|fail)'
