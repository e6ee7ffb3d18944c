# Perl: processes, pipes, signals, sockets over loopback, locks, directories, sockets of files, modules of its core.
# Needs: perl
export LC_ALL=C TZ=UTC PERL_HASH_SEED=0
cat > program.pl <<'EOF'
use strict; use warnings;
use Fcntl qw(:flock :seek :mode); use POSIX qw(:sys_wait_h :errno_h strftime); use IO::Socket::INET; use IO::Socket::UNIX; use IO::Select; use IPC::Open3;
use File::Find; use File::Temp qw(tempfile tempdir); use File::Path qw(make_path remove_tree); use File::Copy; use Time::HiRes qw(sleep time alarm); use Socket; use Storable qw(freeze thaw); use Digest::SHA qw(sha256_hex); use Cwd;
$| = 1; my $main = $$; unlink 'socket';
my @kids = map { my $n = $_; my $pid = fork // die; exit $n unless $pid; $pid } 1 .. 10;
my $sum = 0; for (@kids) { waitpid $_, 0; $sum += $? >> 8 } print "kids $sum\n";
my $killed = fork // die; if (!$killed) { sleep 100; exit } kill KILL => $killed; waitpid $killed, 0; print "killed ", $? & 127, "\n";
pipe my $r, my $w; if (!fork) { close $r; print $w "line $_\n" for 1 .. 10000; exit } close $w; my $lines = () = <$r>; print "lines $lines\n"; wait;
open my $p, '-|', 'sh', '-c', 'echo out; exit 6' or die; print <$p>; close $p; print "status ", $? >> 8, "\n";
my $pid = open3(my $in, my $out, undef, 'tr a-z A-Z'); print $in "through tr\n"; close $in; print <$out>; waitpid $pid, 0;
my @got; $SIG{USR1} = sub { push @got, 'usr1' }; kill USR1 => $$; sleep 0.001 until @got; print "@got\n";
eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 0.02; sleep 100; }; print "died $@";
$SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0; push @got, 'chld' }; if (!fork) { exit } sleep 0.001 until @got > 1; print "$got[1]\n"; $SIG{CHLD} = 'DEFAULT';
my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die; my $port = $server->sockport;
if (!fork) { for (1 .. 5) { my $c = $server->accept; print $c uc scalar <$c>; close $c } exit }
for (1 .. 5) { my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die; print $c "tcp $_\n"; print scalar <$c> } wait;
my $u = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die; my $v = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1', PeerPort => $u->sockport); $v->send('datagram'); $u->recv(my $data, 100); print "$data\n";
my $l = IO::Socket::UNIX->new(Local => 'socket', Listen => 1) or die; my $k = IO::Socket::UNIX->new(Peer => 'socket') or die; my $s = $l->accept; print $k "unix\n"; $k->flush; print scalar <$s>;
socketpair my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC; my $select = IO::Select->new($a); print "ready ", scalar(@{[$select->can_read(0)]}); syswrite $b, 'x'; print " ", scalar(@{[$select->can_read]}), "\n";
print IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 1) ? 'connected' : $! + 0 == ECONNREFUSED ? "refused: $!" : "other", "\n";
my $dir = tempdir('treeXXXX', DIR => '.'); make_path("$dir/a/b/c", "$dir/d"); for my $n (1 .. 50) { open my $f, '>', "$dir/a/f$n" or die; print $f 'x' x $n; close $f }
my ($size, $count) = (0, 0); find({ wanted => sub { $count++; $size += -s if -f }, no_chdir => 1 }, $dir); print "found $count $size\n";
open my $f, '+>', "$dir/lock" or die; print flock($f, LOCK_EX) ? "locked\n" : "no\n"; if (!fork) { open my $g, '+<', "$dir/lock"; print flock($g, LOCK_EX | LOCK_NB) ? "twice\n" : "busy\n"; exit } wait; print $f "0123456789"; seek $f, 3, SEEK_SET; read $f, my $three, 3; print "$three\n"; truncate $f, 5; print -s $f, "\n";
my @st = stat "$dir/a/f7"; printf "%o %d %s\n", $st[2] & 0777, $st[7], S_ISREG($st[2]) ? 'regular' : '-'; chmod 0600, "$dir/a/f7"; utime 1000, 2000, "$dir/a/f7"; @st = stat _; @st = stat "$dir/a/f7"; printf "%o %d %d\n", $st[2] & 07777, @st[8, 9];
symlink 'a', "$dir/s" or die; print readlink "$dir/s", ' ', -l "$dir/s" ? 'link' : '-', ' ', -d "$dir/s" ? 'directory' : '-', "\n"; link "$dir/a/f1", "$dir/h"; print +(stat "$dir/h")[3], "\n"; rename "$dir/h", "$dir/i"; copy "$dir/i", "$dir/j"; print join(' ', map { s/.*\///r } sort glob "$dir/*"), "\n";
opendir my $d, "$dir/a" or die; my @e = grep !/^\./, readdir $d; print scalar(@e), "\n"; rmdir "$dir/a" or print "$!\n"; mkdir "$dir/d" or print "$!\n"; open my $no, '<', '/missing' or print "$!\n"; unlink glob "$dir/a/f*"; remove_tree $dir; print -e $dir ? 'there' : 'gone', "\n";
print strftime('%Y-%m-%d', gmtime 86400), ' ', sha256_hex('x') =~ s/(.{8}).*/$1/r, ' ', thaw(freeze [1, { a => 2 }])->[1]{a}, "\n"; my $t0 = time; select undef, undef, undef, 0.01; print time - $t0 >= 0.01 ? "slept\n" : "no\n"; print -t STDIN ? 'terminal' : 'none', ' ', getcwd eq POSIX::getcwd() ? 'same' : 'other', ' ', (POSIX::uname())[0], "\n";
local $0 = 'renamed'; open my $comm, '<', '/proc/self/comm'; print <$comm>; umask 027; print sprintf('%03o', umask), "\n"; END { print "end\n" if $$ == $main } exec 'sh', '-c', 'echo replaced; exit 5' or die if @ARGV; exit 3;
EOF
perl program.pl < /dev/null; echo "exit $?"; perl program.pl exec < /dev/null | tail -1; echo "exit ${PIPESTATUS[0]}"
printf 'a b\nc d\n' > f; perl -i.bak -pe 's/(\w) (\w)/$2 $1/' f; cat f f.bak; perl -lane 'print $F[1]' f; perl -0777 -ne 'print length' f; echo; perl -e 'die "message\n"'; echo "exit $?"; { perl -e 'kill ABRT => $$'; } 2> /dev/null; echo "exit $?"
perl -Mthreads -MThread::Queue -e 'my $q = Thread::Queue->new; my @t = map { threads->create(sub { my $s = 0; while (defined(my $n = $q->dequeue)) { $s += $n } $s }) } 1 .. 4; $q->enqueue(1 .. 1000); $q->end; my $s = 0; $s += $_->join for @t; print "threads $s\n"'
