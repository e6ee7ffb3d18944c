# Python's multiprocessing by each start method: pools, queues, pipes, locks, shared memory, servers of shared objects.
# Needs: python3
cat > work.py <<'EOF'
import multiprocessing as mp, os, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory

def square(x): return x * x
def fail(x): raise ValueError(f"no {x}")
def die(_): os.kill(os.getpid(), signal.SIGKILL)
def produce(queue, n):
    for i in range(n): queue.put((i, b"x" * i))
    queue.put(None)
def count(value, lock, n):
    for _ in range(n):
        with lock: value.value += 1
def fill(name, start):
    block = shared_memory.SharedMemory(name=name)
    block.buf[start:start + 10] = bytes([start] * 10)
    block.close()
def talk(connection):
    while (message := connection.recv()) != "end": connection.send(message * 2)
    connection.close()
def meet(barrier, event, queue):
    barrier.wait(); event.wait(); queue.put(1)
def update(shared, items, n):
    shared[n] = n * n; items.append(n)
def leave(code): sys.exit(code)

if __name__ == "__main__":
    method = sys.argv[1]
    mp.set_start_method(method)
    with mp.Pool(4) as pool:
        print("map", sum(pool.map(square, range(1000))))
        print("unordered", sum(pool.imap_unordered(square, range(200), chunksize=5)))
        print("async", [r.get() for r in [pool.apply_async(square, (i,)) for i in range(5)]])
        print("star", pool.starmap(pow, [(2, 3), (3, 2)]))
        try: pool.map(fail, [1])
        except ValueError as e: print("raised", e)
    queue = mp.Queue(5)
    process = mp.Process(target=produce, args=(queue, 300)); process.start()
    total = 0
    while (item := queue.get()) is not None: total += len(item[1])
    process.join(); print("queue", total, process.exitcode)
    value, lock = mp.Value("i", 0), mp.Lock()
    processes = [mp.Process(target=count, args=(value, lock, 200)) for _ in range(4)]
    for p in processes: p.start()
    for p in processes: p.join()
    print("value", value.value)
    block = shared_memory.SharedMemory(create=True, size=4096)
    processes = [mp.Process(target=fill, args=(block.name, 10 * i)) for i in range(4)]
    for p in processes: p.start()
    for p in processes: p.join()
    print("shared memory", bytes(block.buf[:40]).hex()); block.close(); block.unlink()
    here, there = mp.Pipe()
    process = mp.Process(target=talk, args=(there,)); process.start()
    for message in ("ab", [1], b"x" * 100000): here.send(message); print("pipe", len(here.recv()))
    here.send("end"); process.join()
    barrier, event, queue = mp.Barrier(4), mp.Event(), mp.SimpleQueue()
    processes = [mp.Process(target=meet, args=(barrier, event, queue)) for _ in range(3)]
    for p in processes: p.start()
    barrier.wait(); event.set()
    print("met", sum(queue.get() for _ in range(3)))
    for p in processes: p.join()
    with mp.Manager() as manager:
        shared, items = manager.dict(), manager.list()
        processes = [mp.Process(target=update, args=(shared, items, i)) for i in range(4)]
        for p in processes: p.start()
        for p in processes: p.join()
        print("shared objects", sorted(shared.items()), sorted(items))
    process = mp.Process(target=leave, args=(5,)); process.start(); process.join(); print("exit", process.exitcode)
    process = mp.Process(target=time.sleep, args=(100,)); process.start(); process.terminate(); process.join(); print("terminated", process.exitcode)
    process = mp.Process(target=time.sleep, args=(100,)); process.start(); process.kill(); process.join(); print("killed", process.exitcode)
    with ProcessPoolExecutor(3) as executor:
        print("executor", sum(executor.map(square, range(100))))
    with ProcessPoolExecutor(2) as executor:
        try: executor.submit(die, 0).result()
        except Exception as e: print("broken", type(e).__name__)
    print("children", mp.active_children())
EOF
for method in fork forkserver spawn; do echo "$method"; python3 work.py $method; echo "exit $?"; done
