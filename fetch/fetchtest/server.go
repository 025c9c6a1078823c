// Package fetchtest tests what fetches: a server on raw TCP that answers as wrongly as it is told to and
// remembers every request, and the suite that every store must pass.
package fetchtest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cogweave/core"
)

// Server speaks HTTP/1.1. Without a script it serves its objects by range, faultlessly.
type Server struct {
	URL string // "http://127.0.0.1:port", no slash at the end

	listener net.Listener
	mu       sync.Mutex
	objects  map[string]Object
	scripts  map[string][]Reply
	always   map[string]Reply
	requests []Request
	conns    map[net.Conn]bool
	dialed   int
	aborted  int
	current  int
	peak     int
	delay    time.Duration
}

// Object is a file that the server has. Without ETag and LastModified none is sent.
type Object struct {
	Data         []byte
	ETag         string
	LastModified string
}

// Request is what the server was asked.
type Request struct {
	Method, Path string
	Range        core.ByteRange // zero if the request had none
	Header       http.Header
	At           time.Time
}

// Exchange is one request being answered by a Reply.
type Exchange struct {
	Request
	Object Object
	Conn   net.Conn
	server *Server
	keep   bool // the connection may carry another request
}

// Reply answers one request.
type Reply func(x *Exchange)

// NewServer starts a server that ends with the test.
func NewServer(t testing.TB) *Server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), listener: listener, objects: map[string]Object{},
		scripts: map[string][]Reply{}, always: map[string]Reply{}, conns: map[net.Conn]bool{}}
	core.Go(s.accept, nil)
	t.Cleanup(s.Close)
	return s
}

// Close hangs up on everybody.
func (s *Server) Close() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

// Put makes or replaces an object and gives its URL. The path begins with a slash.
func (s *Server) Put(path string, o Object) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = o
	return s.URL + path
}

// Remove takes an object away.
func (s *Server) Remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, path)
}

// Script has the next requests of a path answered by the replies, one each.
func (s *Server) Script(path string, replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[path] = append(s.scripts[path], replies...)
}

// Always has every request of a path answered by a reply, once its script is over. nil ends that.
func (s *Server) Always(path string, reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always[path] = reply
}

// Delay has every request wait before it is answered, as by a distant server.
func (s *Server) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// Requests lists what was asked so far, in order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Ranges lists the ranges that were asked of a path, in order of arrival.
func (s *Server) Ranges(path string) []core.ByteRange {
	var out []core.ByteRange
	for _, r := range s.Requests() {
		if r.Path == path {
			out = append(out, r.Range)
		}
	}
	return out
}

// Peak is the largest number of requests that were being answered at one time.
func (s *Server) Peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// Aborted counts the answers during which the client hung up.
func (s *Server) Aborted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.aborted
}

// Connections counts the connections that were made.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialed
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.dialed++
		s.mu.Unlock()
		core.Go(func() { s.serve(conn) }, nil)
	}
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	reader := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		x, reply, delay := s.record(r, conn)
		time.Sleep(delay)
		reply(x)
		s.mu.Lock()
		s.current--
		s.mu.Unlock()
		if !x.keep {
			return
		}
	}
}

func (s *Server) record(r *http.Request, conn net.Conn) (*Exchange, Reply, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.RequestURI()
	req := Request{Method: r.Method, Path: path, Range: parseRange(r.Header.Get("Range")), Header: r.Header, At: time.Now()}
	s.requests = append(s.requests, req)
	s.current++
	s.peak = max(s.peak, s.current)
	reply := s.always[path]
	if script := s.scripts[path]; len(script) > 0 {
		reply, s.scripts[path] = script[0], script[1:]
	}
	if reply == nil {
		reply = Serve
		if _, ok := s.objects[path]; !ok {
			reply = Status(http.StatusNotFound)
		}
	}
	return &Exchange{Request: req, Object: s.objects[path], Conn: conn, server: s}, reply, s.delay
}

func parseRange(text string) core.ByteRange {
	first, last, ok := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	start, err1 := strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(last, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return core.ByteRange{}
	}
	return core.ByteRange{Start: start, End: end + 1}
}

// Head writes a status line and header lines, given as name, value, name, value.
func (x *Exchange) Head(status int, lines ...string) {
	var b strings.Builder
	b.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	for i := 0; i+1 < len(lines); i += 2 {
		b.WriteString(lines[i] + ": " + lines[i+1] + "\r\n")
	}
	x.Body([]byte(b.String() + "\r\n"))
}

// Body writes bytes as they are, and notes if the client has hung up.
func (x *Exchange) Body(data []byte) bool {
	if _, err := x.Conn.Write(data); err != nil {
		x.hungUp()
		return false
	}
	return true
}

func (x *Exchange) hungUp() {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	x.server.aborted++
}

// Wait keeps still until the client hangs up.
func (x *Exchange) Wait() {
	var one [1]byte
	if _, err := x.Conn.Read(one[:]); errors.Is(err, net.ErrClosed) {
		return // the server's own end
	} else if err != nil && !errors.Is(err, io.ErrNoProgress) {
		x.hungUp()
	}
}
