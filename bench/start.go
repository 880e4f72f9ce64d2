package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// benchStart builds the program, starts it on SQLite and measures how soon it is ready and what it holds when idle.
func benchStart(ctx context.Context, dir string) error {
	binary := dir + "/zhibu"
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	fmt.Println("| start of the demo on SQLite | ready after ms | resident MiB when idle |")
	fmt.Println("|---|---|---|")
	for _, name := range []string{"first, filling the database", "second"} {
		ready, resident, err := startOnce(ctx, binary, dir+"/data")
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %.1f |\n", name, ready.Milliseconds(), resident)
	}
	return nil
}

// idleTime is how long the server is left alone before its memory is read.
const idleTime = 5 * time.Second

func startOnce(ctx context.Context, binary, data string) (ready time.Duration, residentMiB float64, err error) {
	address, err := freeAddress()
	if err != nil {
		return 0, 0, err
	}
	server := exec.CommandContext(ctx, binary, "demo", "--addr", address, "--data", data)
	begin := time.Now()
	if err := server.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}()
	for !isReady(address) {
		if time.Since(begin) > time.Minute {
			return 0, 0, fmt.Errorf("%s did not become ready", binary)
		}
		time.Sleep(5 * time.Millisecond)
	}
	ready = time.Since(begin)
	time.Sleep(idleTime)
	residentMiB, err = memory(server.Process.Pid, "VmRSS")
	return ready, residentMiB, err
}

func isReady(address string) bool {
	answer, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// memory reads what the kernel says of the memory of the process, in MiB: VmRSS is what it holds, VmHWM the most it held.
func memory(pid int, what string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, what+": %f kB", &kib); n == 1 {
			return kib / 1024, nil
		}
	}
	return 0, fmt.Errorf("the kernel does not tell the memory of %d", pid)
}
