# Java: compiler, thread pools, virtual memory of the collectors, processes, files, sockets over loopback.
# Needs: java javac jar
# Timeout: 600
export HOME=$PWD
cat > Program.java <<'EOF'
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.stream.*;

public class Program {
  static void pool() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(8);
    List<Future<Integer>> results = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      final int n = i;
      results.add(pool.submit(() -> n * n));
    }
    long sum = 0;
    for (Future<Integer> result : results) sum += result.get();
    pool.shutdown();
    System.out.println("pool " + sum + " " + pool.awaitTermination(60, TimeUnit.SECONDS));
    System.out.println("parallel " + IntStream.range(0, 1000000).parallel().mapToLong(i -> i).sum());
    System.out.println("async " + CompletableFuture.supplyAsync(() -> 20).thenCombine(CompletableFuture.supplyAsync(() -> 22), Integer::sum).get());
  }

  static void locks() throws Exception {
    final ReentrantLock lock = new ReentrantLock();
    final Object monitor = new Object();
    final int[] counts = new int[2];
    Thread[] threads = new Thread[8];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(() -> {
        for (int j = 0; j < 5000; j++) {
          lock.lock();
          try { counts[0]++; } finally { lock.unlock(); }
          synchronized (monitor) { counts[1]++; }
        }
      });
      threads[i].start();
    }
    for (Thread thread : threads) thread.join();
    System.out.println("locks " + counts[0] + " " + counts[1]);
    ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
    CountDownLatch latch = new CountDownLatch(5);
    timer.scheduleAtFixedRate(latch::countDown, 1, 5, TimeUnit.MILLISECONDS);
    System.out.println("timer " + latch.await(60, TimeUnit.SECONDS));
    timer.shutdownNow();
    Thread sleeper = new Thread(() -> {
      try { Thread.sleep(1000000); } catch (InterruptedException e) { System.out.println("interrupted"); }
    });
    sleeper.start();
    sleeper.interrupt();
    sleeper.join();
  }

  static void memory() {
    long total = 0;
    for (int i = 0; i < 2000; i++) total += new byte[200000].length;
    System.out.println("memory " + total);
    try {
      List<long[]> all = new ArrayList<>();
      while (true) all.add(new long[1 << 20]);
    } catch (OutOfMemoryError e) {
      System.out.println(e.getMessage());
    }
    try {
      recurse(0);
    } catch (StackOverflowError e) {
      System.out.println("stack overflow");
    }
    try {
      String none = null;
      none.length();
    } catch (NullPointerException e) {
      System.out.println("null");
    }
  }

  static int recurse(int depth) { return recurse(depth + 1) + 1; }

  static void processes() throws Exception {
    Process echo = new ProcessBuilder("echo", "from a child").start();
    System.out.print(new String(echo.getInputStream().readAllBytes()));
    System.out.println("child " + echo.waitFor() + " " + new ProcessBuilder("sh", "-c", "exit 7").start().waitFor());
    Process cat = new ProcessBuilder("cat").start();
    try (OutputStream input = cat.getOutputStream()) { input.write(new byte[1000]); }
    System.out.println("cat " + cat.getInputStream().readAllBytes().length);
    Process sleep = new ProcessBuilder("sleep", "100").start();
    sleep.destroy();
    System.out.println("destroyed " + sleep.waitFor());
    try {
      new ProcessBuilder("/missing").start();
    } catch (IOException e) {
      System.out.println(e.getMessage());
    }
  }

  static void files() throws Exception {
    Path folder = Files.createTempDirectory(Path.of("."), "files");
    for (int i = 0; i < 50; i++) Files.writeString(folder.resolve("f" + i), "x".repeat(i));
    try (Stream<Path> all = Files.walk(folder)) {
      System.out.println("files " + all.filter(Files::isRegularFile).mapToLong(p -> p.toFile().length()).sum());
    }
    try (FileChannel channel = FileChannel.open(folder.resolve("map"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
      map.putInt(1000, 42);
      map.force();
      ByteBuffer four = ByteBuffer.allocate(4);
      channel.read(four, 1000);
      System.out.println("mapped " + four.getInt(0) + " " + channel.size() + " " + channel.tryLock().isValid());
    }
    try (WatchService watch = FileSystems.getDefault().newWatchService()) {
      folder.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
      Files.createFile(folder.resolve("seen"));
      System.out.println("watched " + watch.take().pollEvents().get(0).context());
    }
    Files.setPosixFilePermissions(folder.resolve("map"), java.nio.file.attribute.PosixFilePermissions.fromString("rw-r-----"));
    System.out.println(java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("map"))));
  }

  static void network() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread echo = new Thread(() -> {
        for (int i = 0; i < 20; i++) {
          try (Socket socket = server.accept()) {
            socket.getInputStream().transferTo(socket.getOutputStream());
          } catch (IOException e) {
            System.out.println(e);
          }
        }
      });
      echo.start();
      int total = 0;
      for (int i = 0; i < 20; i++) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort())) {
          socket.getOutputStream().write(new byte[1000]);
          socket.shutdownOutput();
          total += socket.getInputStream().readAllBytes().length;
        }
      }
      echo.join();
      System.out.println("echo " + total);
    }
    com.sun.net.httpserver.HttpServer web = com.sun.net.httpserver.HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    web.createContext("/", exchange -> {
      byte[] answer = exchange.getRequestURI().getPath().getBytes();
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    });
    web.start();
    HttpClient client = HttpClient.newHttpClient();
    URI uri = URI.create("http://127.0.0.1:" + web.getAddress().getPort() + "/path");
    System.out.println("web " + client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()).body());
    web.stop(0);
    DatagramChannel a = DatagramChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
    DatagramChannel b = DatagramChannel.open().connect(a.getLocalAddress());
    b.write(ByteBuffer.wrap(new byte[77]));
    ByteBuffer got = ByteBuffer.allocate(100);
    a.receive(got);
    System.out.println("datagram " + got.position());
    Selector selector = Selector.open();
    a.configureBlocking(false);
    a.register(selector, SelectionKey.OP_READ);
    b.write(ByteBuffer.wrap(new byte[7]));
    System.out.println("selected " + selector.select());
  }

  public static void main(String[] args) throws Exception {
    pool();
    locks();
    memory();
    processes();
    files();
    network();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
    System.exit(5);
  }
}
EOF
javac Program.java && ls *.class; echo "javac $?"
for collector in Serial Parallel G1; do
  java -Xmx200m -XX:+Use${collector}GC Program > out 2>&1; echo "$collector $?"; cat out
done
java -Xshare:off -Xint -Xmx64m -cp . Program 2>&1 | head -3
jar cfe program.jar Program *.class && jar tf program.jar | grep -c class && java -Xmx200m -jar program.jar | tail -1
echo 'class X { int f() { return y; } }' > X.java; javac X.java; echo "error $?"
echo 'class Loop { public static void main(String[] a) throws Exception { System.out.println("ready"); Thread.sleep(1000000); } }' > Loop.java
javac Loop.java
mkfifo ready
java Loop > ready & read -r line < ready; echo "$line"; kill -TERM $!; wait $!; echo "terminated $?"
java -XX:+PrintFlagsFinal -version 2>/dev/null | grep -E ' (MaxHeapSize|ActiveProcessorCount|UseContainerSupport) ' | sed 's/  */ /g'
