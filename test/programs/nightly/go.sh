# Go: a thousand goroutines, timers, signals, files, processes and HTTP over loopback; the build tool, its cache and its tests.
# Needs: go gcc
# Timeout: 1500
export GOPATH=$PWD/gopath GOCACHE=$PWD/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off
mkdir program && cd program
cat > go.mod <<'EOF'
module example.test/program

go 1.19
EOF
cat > main.go <<'EOF'
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func goroutines() {
	var group sync.WaitGroup
	var sum atomic.Int64
	channel := make(chan int)
	for i := 0; i < 1000; i++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			time.Sleep(time.Duration(n%10) * time.Millisecond)
			sum.Add(int64(n))
			channel <- n
		}(i)
	}
	go func() { group.Wait(); close(channel) }()
	received := 0
	for range channel {
		received++
	}
	fmt.Println("goroutines", received, sum.Load())
}

// Each goroutine blocks a thread of its own.
func threads() {
	var group sync.WaitGroup
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			runtime.LockOSThread()
			syscall.Nanosleep(&syscall.Timespec{Nsec: 20e6}, nil)
		}()
	}
	group.Wait()
	fmt.Println("threads")
}

func preempted() {
	done := make(chan bool)
	for i := 0; i < 2*runtime.GOMAXPROCS(0); i++ {
		go func() {
			for {
			}
		}()
	}
	go func() { time.Sleep(10 * time.Millisecond); done <- true }()
	fmt.Println("preempted", <-done)
}

func signals() {
	channel := make(chan os.Signal, 1)
	signal.Notify(channel, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println("signal", <-channel)
	defer func() { fmt.Println("recovered", recover()) }()
	var pointer *int
	*pointer = 1
}

func processes() {
	fmt.Print(string(must(exec.Command("echo", "from a child").Output())))
	err := exec.Command("sh", "-c", "exit 9").Run()
	fmt.Println("child:", err)
	ctx, cancel := context.WithCancel(context.Background())
	sleeper := exec.CommandContext(ctx, "sleep", "100")
	sleeper.Start()
	cancel()
	fmt.Println("killed:", sleeper.Wait())
	_, err = exec.LookPath("no-such-command")
	fmt.Println(err)
	var group sync.WaitGroup
	var sum atomic.Int64
	for i := 0; i < 20; i++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			command := exec.Command("wc", "-c")
			input := must(command.StdinPipe())
			output := must(command.StdoutPipe())
			command.Start()
			io.WriteString(input, fmt.Sprintf("%0*d", n, 0))
			input.Close()
			var length int64
			fmt.Fscan(output, &length)
			command.Wait()
			sum.Add(length)
		}(i + 1)
	}
	group.Wait()
	fmt.Println("children", sum.Load())
}

func files() {
	folder := must(os.MkdirTemp(".", "files"))
	defer os.RemoveAll(folder)
	for i := 0; i < 100; i++ {
		os.WriteFile(filepath.Join(folder, fmt.Sprint("f", i)), make([]byte, i), 0o640)
	}
	total := int64(0)
	filepath.Walk(folder, func(_ string, info os.FileInfo, err error) error {
		if info.Mode().IsRegular() {
			total += info.Size()
		}
		return err
	})
	fmt.Println("files", total, must(os.Stat(filepath.Join(folder, "f1"))).Mode())
	_, err := os.Open("missing")
	fmt.Println(err, os.IsNotExist(err))
}

func echo() {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(connection, connection); connection.Close() }()
		}
	}()
	var group sync.WaitGroup
	var sum atomic.Int64
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			connection := must(net.Dial("tcp", listener.Addr().String()))
			fmt.Fprintf(connection, "line\n")
			line := must(bufio.NewReader(connection).ReadString('\n'))
			sum.Add(int64(len(line)))
			connection.Close()
		}()
	}
	group.Wait()
	listener.Close()
	fmt.Println("echo", sum.Load())
}

func web() {
	listener := must(net.Listen("tcp", "localhost:0"))
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := must(io.ReadAll(r.Body))
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
	})}
	go server.Serve(listener)
	response := must(http.Post("http://"+listener.Addr().String()+"/path", "text/plain", io.LimitReader(zeros{}, 1<<20)))
	fmt.Println("web", response.StatusCode, string(must(io.ReadAll(response.Body))))
	fmt.Println(server.Shutdown(context.Background()))
}

type zeros struct{}

func (zeros) Read(buffer []byte) (int, error) { return len(buffer), nil }

func main() {
	goroutines()
	threads()
	signals()
	processes()
	files()
	echo()
	web()
	preempted()
	os.Exit(6)
}
EOF
cat > main_test.go <<'EOF'
package main

import "testing"

func TestFiles(t *testing.T) { files() }
func TestParallel(t *testing.T) {
	for _, name := range []string{"a", "b", "c"} {
		t.Run(name, func(t *testing.T) { t.Parallel(); goroutines() })
	}
}
EOF
go version
go build -o first . && ./first; echo "run $?"
# The second build finds everything in the cache and makes the same file.
go build -o second . && cmp first second && echo "same file"
go build -x -o third . 2>&1 | grep -c '/compile '
sed -i 's/"threads"/"many threads"/' main.go && go build -x -o fourth . 2>&1 | grep -c '/compile '
go vet . && gofmt -l .; echo "vet $?"
go test . 2>&1 | sed 's/\t[0-9.]*s$//'; echo "test ${PIPESTATUS[0]}"
go run . > out; head -1 out
go build -race -o raced . && ./raced > out; echo "raced $?"; tail -1 out
echo 'package main; func main() { x }' > broken.go && go run broken.go; echo "broken $?"
cat > c.go <<'EOF'
package main

// #include <math.h>
// #cgo LDFLAGS: -lm
import "C"
import "fmt"

func main() { fmt.Println("cgo", C.sqrt(2)) }
EOF
go run c.go; echo "cgo $?"
