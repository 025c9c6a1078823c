package httpstore_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"cogweave/fetch/fetchtest"
)

// nginx serves a folder until the test ends, or the test is skipped.
func nginx(t *testing.T, root string) (url string) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("without nginx the store is not tried on it")
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	dir := t.TempDir()
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s; root %[3]s; } }`, dir, address, root)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "-e", filepath.Join(dir, "error.log"), "-c", file)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for range 500 {
		if resp, err := http.Get("http://" + address); err == nil {
			resp.Body.Close()
			return "http://" + address
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nginx does not answer")
	return ""
}

func TestConformanceNginx(t *testing.T) {
	root := t.TempDir()
	url := nginx(t, root)
	seconds := int64(1e9)
	place := fetchtest.Place{
		Put: func(name string, data []byte) string {
			path := filepath.Join(root, name)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			seconds++ // nginx makes the entity tag of whole seconds and the size
			if err := os.Chtimes(path, time.Time{}, time.Unix(seconds, 0)); err != nil {
				t.Fatal(err)
			}
			return url + "/" + name
		},
		Remove: func(name string) { os.Remove(filepath.Join(root, name)) },
	}
	fetchtest.RunStore(t, newStore(t, config()), place)
}
