# What Python programs do with an operating system.
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
P=/usr/bin/python3
$P -c 'print(sum(range(100)))'
$P -c 'import sys; sys.exit(7)'; echo "exit $?"
$P -c 'raise ValueError("x")' 2>&1 | tail -1
$P - <<'END'
import subprocess, os, signal, sys
print(subprocess.run(["echo", "sub"], capture_output=True, text=True).stdout, end="")
print(subprocess.run("exit 5", shell=True).returncode)
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(p.communicate(b"x" * 1000000)[0].count(b"x"))
p = subprocess.Popen(["sleep", "10"]); p.send_signal(signal.SIGTERM); print(p.wait())
try: subprocess.run(["sleep", "5"], timeout=0.2)
except subprocess.TimeoutExpired: print("timeout")
try: subprocess.run(["/missing"])
except FileNotFoundError as e: print(e)
try: subprocess.run(["/etc/hostname"])
except PermissionError as e: print(type(e).__name__)
print(subprocess.run(["pwd"], cwd="/tmp", capture_output=True, text=True).stdout, end="")
pid = os.fork()
if pid == 0: os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
$P - <<'END'
import threading, queue, time
q = queue.Queue(); out = []
def work():
    while (n := q.get()) is not None: out.append(n * n)
ts = [threading.Thread(target=work) for _ in range(8)]
for t in ts: t.start()
for n in range(1000): q.put(n)
for _ in ts: q.put(None)
for t in ts: t.join()
print(sum(out), len(out))
lock = threading.Lock(); count = 0
def add():
    global count
    for _ in range(20000):
        with lock: count += 1
ts = [threading.Thread(target=add) for _ in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]; print(count)
e = threading.Event(); print(e.wait(0.05)); c = threading.Condition()
b = threading.Barrier(3); r = []
def meet(i): b.wait(); r.append(i)
ts = [threading.Thread(target=meet, args=(i,)) for i in range(3)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(r))
t = threading.Timer(0.05, lambda: print("timer")); t.start(); t.join()
END
$P - <<'END'
import multiprocessing as mp
def square(x): return x * x
if __name__ == "__main__":
    mp.set_start_method("fork")
    with mp.Pool(3) as pool: print(pool.map(square, range(10)))
    q = mp.Queue(); p = mp.Process(target=lambda q: q.put("from child"), args=(q,)); p.start(); print(q.get()); p.join()
    v = mp.Value("i", 0)
    def add(v):
        for _ in range(500):
            with v.get_lock(): v.value += 1
    ps = [mp.Process(target=add, args=(v,)) for _ in range(3)]
    [p.start() for p in ps]; [p.join() for p in ps]; print(v.value)
    a, b = mp.Pipe(); a.send({"k": [1, 2]}); print(b.recv())
END
$P - <<'END'
import asyncio, socket, selectors
async def main():
    p = await asyncio.create_subprocess_exec("echo", "async", stdout=asyncio.subprocess.PIPE)
    print((await p.communicate())[0])
    print(await asyncio.gather(*(asyncio.sleep(0.01 * i, i) for i in range(5))))
    server = await asyncio.start_unix_server(lambda r, w: handle(r, w), "sock")
    r, w = await asyncio.open_unix_connection("sock")
    w.write(b"hello\n"); print(await r.readline()); w.close(); server.close()
async def handle(r, w): w.write((await r.readline()).upper()); await w.drain(); w.close()
asyncio.run(main())
a, b = socket.socketpair(); a.sendall(b"z" * 100000); a.close()
n = 0
while d := b.recv(65536): n += len(d)
print(n)
END
$P - <<'END'
import os, tempfile, shutil, pathlib, mmap, fcntl, stat, glob, json, sqlite3, zlib, gzip, tarfile, hashlib
with tempfile.TemporaryDirectory(dir=".") as d:
    p = pathlib.Path(d)
    (p / "a").write_text("text"); (p / "sub").mkdir(); (p / "sub" / "b").write_bytes(b"\0" * 10000)
    os.symlink("a", p / "l"); os.link(p / "a", p / "h"); os.chmod(p / "a", 0o600)
    print(sorted(x.name for x in p.rglob("*")), os.stat(p / "a").st_nlink, os.readlink(p / "l"))
    shutil.copytree(p, p.parent / "copy", symlinks=True); shutil.rmtree(p.parent / "copy")
    os.rename(p / "a", p / "z"); print(os.path.exists(p / "a"), os.path.getsize(p / "z"))
    with open(p / "m", "w+b") as f:
        f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[0:5] = b"mmap!"; m.flush(); m.close(); f.seek(0); print(f.read(5))
    with open(p / "lock", "w") as f: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB); fcntl.lockf(f, fcntl.LOCK_EX); print("locked")
    db = sqlite3.connect(p / "db"); db.execute("create table t(x)"); db.executemany("insert into t values(?)", [(i,) for i in range(1000)]); db.commit(); print(db.execute("select sum(x) from t").fetchone()); db.close()
    with tarfile.open(p / "t.tgz", "w:gz") as t: t.add(p / "z", "z")
    print(tarfile.open(p / "t.tgz").getnames())
    with gzip.open(p / "g", "wb") as g: g.write(b"q" * 100000)
    print(len(gzip.open(p / "g").read()), hashlib.sha256(b"x").hexdigest()[:8], oct(stat.S_IMODE(os.stat(p / "m").st_mode)))
print(os.getcwd() == os.path.realpath("."), os.cpu_count() > 0, os.getpid() > 0)
r, w = os.pipe(); os.write(w, b"pipe"); print(os.read(r, 10)); os.set_blocking(r, False)
try: os.read(r, 1)
except BlockingIOError: print("would block")
END
$P - <<'END'
import signal, time, os, select, resource, pty, termios, errno
hits = []
signal.signal(signal.SIGALRM, lambda *a: hits.append(1)); signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
end = time.monotonic() + 0.5
while len(hits) < 5 and time.monotonic() < end: signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0); print(len(hits) >= 5)
print(select.select([], [], [], 0.01)); p = select.poll(); r, w = os.pipe(); p.register(r); print(p.poll(10)); os.write(w, b"x"); print(len(p.poll(10)))
e = select.epoll(); e.register(r, select.EPOLLIN); print(len(e.poll(0.1)))
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000)
m, s = pty.openpty(); os.write(m, b"typed\n"); print(os.read(s, 100)); print(os.ttyname(s).startswith("/dev/pts/"))
print(termios.tcgetattr(s)[3] & termios.ECHO != 0)
pid, fd = pty.fork()
if pid == 0: os.execvp("sh", ["sh", "-c", "tty >/dev/null && echo on a terminal; exit 4"])
print(os.read(fd, 100)); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
$P -m timeit -n 1 -r 1 pass | grep -c loop
# The runner's stream is one end of a socket pair.
python3 -c 'import socket, sys; s = socket.socket(fileno=1); print(s.family, s.type, repr(s.getsockname()), repr(s.getpeername()), s.getsockopt(1, 4)); sys.stdout.flush(); s.detach()'
