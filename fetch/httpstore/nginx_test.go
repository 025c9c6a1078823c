package httpstore_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch/fetchtest"
	"cogweave/fetch/httpstore"
	"cogweave/fetch/store"
)

// nginxServer is an nginx over a folder until the test ends.
type nginxServer struct {
	root    string
	plain   string // URL of its http server
	secure  string // of one with TLS and HTTP/1.1
	secure2 string // of one with TLS and HTTP/2
	bundle  string // certificates that a client must trust
	log     string
}

// nginxProgram is where make test-deps puts it, or the system's.
func nginxProgram() (string, error) {
	ours, err := filepath.Abs("../../build/test-servers/nginx")
	if err != nil {
		return "", err
	}
	for _, name := range []string{ours, "/usr/sbin/nginx"} {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return exec.LookPath("nginx")
}

// nginx starts one, or skips the test.
func nginx(t *testing.T) *nginxServer {
	program, err := nginxProgram()
	if err != nil {
		t.Skip("LEFT OUT: nginx is not installed (make test-deps): the store is not tried on it")
	}
	dir := t.TempDir()
	s := &nginxServer{root: filepath.Join(dir, "root"), bundle: certificate(t, dir), log: filepath.Join(dir, "requests.log")}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	s.plain, s.secure, s.secure2 = "http://"+ports[0], "https://"+ports[1], "https://"+ports[2]
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http { client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  log_format seen '$connection $server_protocol $ssl_session_reused $uri'; access_log %[2]s seen;
  ssl_certificate %[1]s/server.pem; ssl_certificate_key %[1]s/server.key; keepalive_requests 10000;
  server { listen %[4]s; listen %[5]s ssl; listen %[6]s ssl http2; root %[3]s; } }`, dir, s.log, s.root, ports[0], ports[1], ports[2])
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
		if resp, err := http.Get(s.plain); err == nil {
			resp.Body.Close()
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nginx does not answer")
	return nil
}

// freePorts gives addresses of this machine that nobody listens at.
func freePorts(t *testing.T, n int) (addresses []string) {
	for range n {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer free.Close()
		addresses = append(addresses, free.Addr().String())
	}
	return addresses
}

// certificate makes server.pem and server.key for 127.0.0.1 and gives the path of the first.
func certificate(t *testing.T, dir string) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"server.pem": {Type: "CERTIFICATE", Bytes: made}, "server.key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "server.pem")
}

// put makes a file of the server's.
func (s *nginxServer) put(t *testing.T, name string, data []byte) {
	if err := os.WriteFile(filepath.Join(s.root, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// seen are the lines of the log about requests of a file, once there are as many as were made.
func (s *nginxServer) seen(t *testing.T, name string, made int) (connections map[string]bool, protocols, resumed map[string]int) {
	var lines []string
	for range 500 {
		text, err := os.ReadFile(s.log)
		if err != nil {
			t.Fatal(err)
		}
		lines = lines[:0]
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); strings.HasSuffix(line, " /"+name) {
				lines = append(lines, line)
			}
		}
		if len(lines) >= made {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(lines) != made {
		t.Fatalf("%s: nginx saw %d requests, not %d", name, len(lines), made)
	}
	connections, protocols, resumed = map[string]bool{}, map[string]int{}, map[string]int{}
	for _, line := range lines {
		fields := strings.Fields(line)
		connections[fields[0]] = true
		protocols[fields[1]]++
		resumed[fields[2]]++
	}
	return connections, protocols, resumed
}

// readAll reads a range of a file so many times at once.
func readAll(t *testing.T, s *httpstore.Store, href string, want []byte, times int) {
	t.Helper()
	var readers sync.WaitGroup
	for range times {
		readers.Go(func() {
			if got, f := read(s, href, core.ByteRange{End: int64(len(want))}, store.Identity{}); f != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v", len(got), f)
			}
		})
	}
	readers.Wait()
}

func TestConformanceNginx(t *testing.T) {
	server := nginx(t)
	seconds := int64(1e9)
	place := fetchtest.Place{
		Put: func(name string, data []byte) string {
			server.put(t, name, data)
			seconds++ // nginx makes the entity tag of whole seconds and the size
			if err := os.Chtimes(filepath.Join(server.root, name), time.Time{}, time.Unix(seconds, 0)); err != nil {
				t.Fatal(err)
			}
			return server.plain + "/" + name
		},
		Remove: func(name string) { os.Remove(filepath.Join(server.root, name)) },
	}
	fetchtest.RunStore(t, newStore(t, config()), place)
}

// HTTP/2 is agreed on where the server offers it, and then one connection carries all requests; with
// HTTP/1.1 about as many are kept as there were requests at once. One that is made anew takes up the session.
func TestNginxConnectionsAndSessions(t *testing.T) {
	server := nginx(t)
	cfg := config()
	cfg.CABundle, cfg.MaxIdlePerHost = server.bundle, 8
	want := fetchtest.Pattern(20_000, 1)
	for _, tc := range []struct {
		url, protocol string
		connections   int // at most, for 8 requests at once: one may be made while another becomes free
	}{{server.secure, "HTTP/1.1", 16}, {server.secure2, "HTTP/2.0", 1}} {
		s := newStore(t, cfg)
		name := strings.ReplaceAll(tc.protocol, "/", "") + ".bin"
		server.put(t, name, want)
		server.put(t, "again"+name, want)

		readAll(t, s, tc.url+"/"+name, want, 1)
		for range 10 {
			readAll(t, s, tc.url+"/"+name, want, 8)
		}
		connections, protocols, _ := server.seen(t, name, 81)
		if len(connections) > tc.connections || protocols[tc.protocol] != 81 {
			t.Errorf("%s: %d connections, %v", tc.protocol, len(connections), protocols)
		}

		s.Close() // the idle connections, not the sessions
		readAll(t, s, tc.url+"/again"+name, want, 8)
		_, _, resumed := server.seen(t, "again"+name, 8)
		if resumed["r"] != 8 {
			t.Errorf("%s: sessions taken up: %v", tc.protocol, resumed)
		}
	}
}
