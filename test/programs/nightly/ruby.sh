# Ruby: threads, processes, files, sockets over loopback, the garbage collector.
# Needs: ruby
cat > program.rb <<'EOF'
require 'socket'
require 'tmpdir'
require 'fileutils'
require 'open3'
require 'timeout'
require 'digest'
require 'zlib'
require 'json'
require 'io/console'

queue = Queue.new
workers = 8.times.map { Thread.new { sum = 0; while (n = queue.pop) != :end do sum += n end; sum } }
1000.times { |n| queue << n }
8.times { queue << :end }
puts "threads #{workers.sum(&:value)}"
mutex, count = Mutex.new, 0
10.times.map { Thread.new { 1000.times { mutex.synchronize { count += 1 } } } }.each(&:join)
puts "mutex #{count}"
puts(begin Timeout.timeout(0.05) { sleep 100 }; rescue Timeout::Error => e; "timeout #{e.class}" end)
puts `echo from a child`, $?.exitstatus, system('exit 3').inspect, $?.exitstatus
out, err, status = Open3.capture3('cat; echo err >&2; exit 4', stdin_data: 'x' * 100_000)
puts "open3 #{out.size} #{err.strip} #{status.exitstatus}"
pid = fork { exit!(7) }
puts "fork #{Process.wait2(pid)[1].exitstatus}"
pid = spawn('sleep 100'); Process.kill(:TERM, pid); puts "killed #{Process.wait2(pid)[1].termsig}"
read, write = IO.pipe
fork { read.close; write.puts 'through a pipe' }
write.close
puts read.gets
Process.waitall
trap(:USR1) { puts 'signal' }
Process.kill(:USR1, Process.pid); sleep 0.01
Dir.mktmpdir do |dir|
  100.times { |i| File.write("#{dir}/f#{i}", 'x' * i) }
  puts "files #{Dir.glob("#{dir}/*").sum { |f| File.size(f) }}"
  File.open("#{dir}/lock", 'w') { |f| puts "lock #{f.flock(File::LOCK_EX)}"; puts File.open("#{dir}/lock") { |g| g.flock(File::LOCK_EX | File::LOCK_NB) }.inspect }
  Zlib::GzipWriter.open("#{dir}/z") { |z| z.write 'q' * 100_000 }
  puts "gzip #{Zlib::GzipReader.open("#{dir}/z", &:read).size}"
  FileUtils.cp_r(dir, "#{dir}-copy"); puts Dir.children("#{dir}-copy").size; FileUtils.rm_r("#{dir}-copy")
  UNIXServer.open("#{dir}/s") do |server|
    Thread.new { s = server.accept; s.puts s.gets.upcase; s.close }
    UNIXSocket.open("#{dir}/s") { |s| s.puts 'unix'; puts s.gets }
  end
end
server = TCPServer.new('127.0.0.1', 0)
Thread.new { loop { Thread.new(server.accept) { |s| s.write s.read; s.close } } }
sizes = 20.times.map { |i| Thread.new { TCPSocket.open('127.0.0.1', server.addr[1]) { |s| s.write 'y' * (i * 1000); s.close_write; s.read.size } } }
puts "tcp #{sizes.sum(&:value)}"
puts(begin TCPSocket.open('127.0.0.1', 1); rescue SystemCallError => e; e.class end)
puts(begin File.open('/missing'); rescue => e; e.message end)
200.times { Array.new(10_000) { 'garbage' * 3 } }
puts "collected #{GC.count > 0}"
puts Fiber.new { 5.times { |i| Fiber.yield i }; :done }.then { |f| 6.times.map { f.resume } }.inspect
puts Ractor.new { 6 * 7 }.take
puts Digest::SHA256.hexdigest('x')[0, 8], JSON.generate(a: [1, nil])
at_exit { puts 'at exit' }
def deep(n) = deep(n + 1)
puts(begin deep(0); rescue SystemStackError => e; e.class end)
exit 6
EOF
ruby -W0 program.rb; echo "exit $?"
ruby -e 'raise "x"' 2>&1; echo "exit $?"
ruby -e '$stdin.each_line { |l| puts l.reverse.strip }' <<< 'abc'; printf '1\n2\n' | ruby -ne 'puts $_.to_i * 2'
{ ruby -e 'Process.kill :SEGV, $$'; } > /dev/null 2>&1; echo "exit $?"
