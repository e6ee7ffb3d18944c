# Python over loopback and its own libraries: asyncio servers and clients, TLS, HTTP, selectors, SQLite, mapped files.
# Needs: python3 openssl
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
P=/usr/bin/python3
$P - <<'END_OF_PROGRAM'
import asyncio, signal, os, sys
async def serve(reader, writer):
    while line := await reader.readline(): writer.write(line.upper()); await writer.drain()
    writer.close()
async def ask(port, n):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = 0
    for i in range(n): writer.write(b"line %d\n" % i); got += len(await reader.readline())
    writer.close(); await writer.wait_closed(); return got
class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport): self.transport = transport
    def datagram_received(self, data, addr): self.transport.sendto(data[::-1], addr)
class Ask(asyncio.DatagramProtocol):
    def __init__(self): self.answer = asyncio.get_running_loop().create_future()
    def connection_made(self, transport): transport.sendto(b"datagram")
    def datagram_received(self, data, addr): self.answer.set_result(data)
async def main():
    loop = asyncio.get_running_loop()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        print("tcp", sum(await asyncio.gather(*(ask(port, 20) for _ in range(30)))))
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    client, protocol = await loop.create_datagram_endpoint(Ask, remote_addr=transport.get_extra_info("sockname"))
    print("udp", await protocol.answer); client.close(); transport.close()
    async with await asyncio.start_unix_server(serve, "socket"):
        reader, writer = await asyncio.open_unix_connection("socket"); writer.write(b"unix\n"); print(await reader.readline()); writer.close()
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1); print("cat", len((await p.communicate(b"x" * 200000))[0]), p.returncode)
    ps = [await asyncio.create_subprocess_shell(f"exit {n}") for n in range(8)]; print("exits", [await p.wait() for p in ps])
    p = await asyncio.create_subprocess_exec("sleep", "100"); p.terminate(); print("terminated", await p.wait())
    try: await asyncio.wait_for(asyncio.sleep(100), 0.02)
    except asyncio.TimeoutError: print("timed out")
    got = loop.create_future(); loop.add_signal_handler(signal.SIGUSR1, got.set_result, "signal"); os.kill(os.getpid(), signal.SIGUSR1); print(await got)
    print("threads", sum(await asyncio.gather(*(asyncio.to_thread(pow, n, 2) for n in range(20)))))
    try: await asyncio.open_connection("127.0.0.1", 1)
    except ConnectionRefusedError as e: print(e.errno)
    print(sorted({a[4][0] for a in await loop.getaddrinfo("localhost", 80, family=2)}))
    r, w = os.pipe(); reader = asyncio.StreamReader(); await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(r, "rb")); os.write(w, b"pipe"); os.close(w); print(await reader.read())
asyncio.run(main())
END_OF_PROGRAM
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> /dev/null
$P - <<'END_OF_PROGRAM'
import http.server, json, os, selectors, socket, socketserver, ssl, threading, urllib.request
server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH); server_context.load_cert_chain("cert.pem", "key.pem")
client_context = ssl.create_default_context(cafile="cert.pem")
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    for _ in range(5):
        raw, _ = listener.accept()
        with server_context.wrap_socket(raw, server_side=True) as s:
            data = b""
            while not data.endswith(b"."): data += s.recv(4096)
            s.sendall(data[::-1])
thread = threading.Thread(target=serve); thread.start()
for n in range(5):
    with client_context.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="localhost") as s:
        subject = s.getpeercert()["subject"]
        s.sendall(b"x" * (n * 10000) + b".")
        got = b""
        while part := s.recv(65536): got += part
        print("tls", s.version(), len(got), subject)
thread.join()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])); answer = json.dumps([self.path, len(body)]).encode()
        self.send_response(201); self.send_header("Content-Length", str(len(answer))); self.end_headers(); self.wfile.write(answer)
    def log_message(self, *args): pass
web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler); web.socket = server_context.wrap_socket(web.socket, server_side=True)
threading.Thread(target=web.serve_forever).start()
for n in (0, 10, 1000000):
    with urllib.request.urlopen(f"https://localhost:{web.server_port}/p{n}", b"y" * n, context=client_context) as r: print(r.status, json.load(r))
web.shutdown(); web.server_close()
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(b"got " + line)
with socketserver.ForkingTCPServer(("127.0.0.1", 0), Lines) as forking:
    threading.Thread(target=forking.serve_forever).start()
    for n in range(3):
        with socket.create_connection(forking.server_address) as s, s.makefile("rwb") as f: f.write(b"%d\n" % n); f.flush(); s.shutdown(socket.SHUT_WR); print(f.readline())
    forking.shutdown()
selector = selectors.DefaultSelector(); pairs = [socket.socketpair() for _ in range(50)]
for n, (left, right) in enumerate(pairs): selector.register(left, selectors.EVENT_READ, n); right.send(b"%d" % n)
print("selected", sum(key.data for key, _ in selector.select())); selector.close()
s = socket.socket(); s.settimeout(0.02); s.bind(("127.0.0.1", 0)); s.listen()
try: s.accept()
except TimeoutError as e: print("accept", e)
u = socket.socket(type=socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); u.sendmsg([b"one", b"two"], [], 0, u.getsockname()); print(u.recvmsg(10)[0], u.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
r, w = os.pipe(); left, right = socket.socketpair(socket.AF_UNIX); socket.send_fds(left, [b"fd"], [w]); os.write(socket.recv_fds(right, 10, 1)[1][0], b"passed"); print(os.read(r, 10))
END_OF_PROGRAM
$P - <<'END_OF_PROGRAM'
import mmap, os, sqlite3, tempfile, threading
db = sqlite3.connect("db"); db.execute("pragma journal_mode=wal"); db.execute("create table t(n integer primary key, s text)")
with db: db.executemany("insert into t values(?, ?)", ((n, "x" * (n % 50)) for n in range(20000)))
print(db.execute("select count(*), sum(length(s)) from t").fetchone())
def write(k):
    own = sqlite3.connect("db", timeout=60)
    for n in range(10):
        with own: own.execute("insert into t values(?, ?)", (100000 + k * 1000 + n, "y"))
    own.close()
threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(db.execute("select count(*) from t where s = 'y' and n >= 100000").fetchone(), db.execute("pragma integrity_check").fetchone())
pid = os.fork()
if pid == 0: c = sqlite3.connect("db", timeout=60); c.execute("delete from t where n % 2"); c.commit(); os._exit(0)
os.waitpid(pid, 0); print(db.execute("select count(*) from t").fetchone()); db.execute("vacuum"); print(db.execute("pragma journal_mode=delete").fetchone()); db.close(); print(sorted(f for f in os.listdir() if f.startswith("db")))
try: other = sqlite3.connect("db", timeout=0); lock = sqlite3.connect("db"); lock.execute("begin exclusive"); other.execute("insert into t values(1000001, '')")
except sqlite3.OperationalError as e: print(e)
with open("map", "w+b") as f:
    f.truncate(1 << 20); m = mmap.mmap(f.fileno(), 0); m[4096:4100] = b"abcd"; m.flush(4096, 4096); f.seek(4096); print(f.read(4), m.find(b"cd"), m.size())
    m.resize(1 << 21); m[-1] = 7; print(os.stat("map").st_size, os.pread(f.fileno(), 1, (1 << 21) - 1)); f.write(b"behind"); f.flush(); print(m[4100:4106]); m.madvise(mmap.MADV_DONTNEED); print(m[4096:4106])
shared = mmap.mmap(-1, 4096); private = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); private[0] = 1
if os.fork() == 0: shared[0] = 9; private[0] = 9; os._exit(0)
os.wait(); print(shared[0], private[0])
f = os.memfd_create("m"); os.write(f, b"memory file"); print(mmap.mmap(f, 0, prot=mmap.PROT_READ)[:])
try: os.copy_file_range(f, os.open("copy", os.O_RDWR | os.O_CREAT), 6, 0)
except OSError as e: print(e)
print(os.copy_file_range(os.open("map", os.O_RDONLY), os.open("copy", os.O_RDWR), 6, 4096), open("copy").read())
t = tempfile.TemporaryFile(); t.write(b"q" * 100); t.flush(); print(os.sendfile(os.open("sent", os.O_RDWR | os.O_CREAT), t.fileno(), 0, 100))
END_OF_PROGRAM
