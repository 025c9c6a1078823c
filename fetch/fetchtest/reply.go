package fetchtest

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"cogweave/core"
)

// Serve answers a range request as HTTP wants it answered: If-Match, the end of the file and all.
func Serve(x *Exchange) {
	x.keep = true
	size := int64(len(x.Object.Data))
	match, since := x.Header.Get("If-Match"), x.Header.Get("If-Unmodified-Since")
	if (match != "" && match != x.Object.ETag) || (since != "" && since != x.Object.LastModified) {
		x.Head(http.StatusPreconditionFailed, "Content-Length", "0")
		return
	}
	if x.Range.Start >= size {
		x.Head(http.StatusRequestedRangeNotSatisfiable, "Content-Range", fmt.Sprintf("bytes */%d", size), "Content-Length", "0")
		return
	}
	r := x.granted()
	x.Head(http.StatusPartialContent, x.lines(r, size, r.Len())...)
	x.keep = x.Body(x.Object.Data[r.Start:r.End])
}

func (x *Exchange) granted() core.ByteRange {
	return core.ByteRange{Start: x.Range.Start, End: min(x.Range.End, int64(len(x.Object.Data)))}
}

// lines are the header lines of a 206; a negative length leaves Content-Length out.
func (x *Exchange) lines(r core.ByteRange, total, length int64) []string {
	lines := []string{"Content-Range", fmt.Sprintf("bytes %d-%d/%d", r.Start, r.End-1, total)}
	if length >= 0 {
		lines = append(lines, "Content-Length", strconv.FormatInt(length, 10))
	}
	if x.Object.ETag != "" {
		lines = append(lines, "ETag", x.Object.ETag)
	}
	if x.Object.LastModified != "" {
		lines = append(lines, "Last-Modified", x.Object.LastModified)
	}
	return lines
}

// partialHead writes the header of a faultless 206 and gives the bytes that should follow.
func (x *Exchange) partialHead() []byte {
	r := x.granted()
	x.Head(http.StatusPartialContent, x.lines(r, int64(len(x.Object.Data)), r.Len())...)
	return x.Object.Data[r.Start:r.End]
}

// Status answers with a status and header lines, and an empty body.
func Status(status int, lines ...string) Reply {
	return func(x *Exchange) {
		x.keep = true
		x.Head(status, append(lines, "Content-Length", "0")...)
	}
}

// Document answers with a status and a body of a type.
func Document(status int, contentType, body string) Reply {
	return func(x *Exchange) {
		x.keep = true
		x.Head(status, "Content-Type", contentType, "Content-Length", strconv.Itoa(len(body)))
		x.Body([]byte(body))
	}
}

// Stalled answers with a status and a header that promises a short body, which never comes.
func Stalled(status int, lines ...string) Reply {
	return func(x *Exchange) {
		x.Head(status, append(lines, "Content-Length", "100")...)
		x.Wait()
	}
}

// Raw answers with bytes as they are.
func Raw(data string) Reply { return func(x *Exchange) { x.Body([]byte(data)) } }

// Page answers 200 with a chunked body, as web applications send their error pages.
func Page(body string) Reply {
	return func(x *Exchange) {
		x.Head(http.StatusOK, "Content-Type", "text/html", "Transfer-Encoding", "chunked")
		x.Body([]byte(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)))
	}
}

// CutAfter sends so many bytes of the range, then closes the connection: politely (FIN), or with a
// reset (RST).
func CutAfter(n int, reset bool) Reply {
	return func(x *Exchange) {
		body := x.partialHead()
		x.Body(body[:min(n, len(body))])
		time.Sleep(5 * time.Millisecond) // a reset overtakes bytes that the client has not read yet
		if tcp, ok := x.Conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
	}
}

// ShortChunked sends so many bytes of the range in chunks and ends cleanly, which Go's client takes for
// the whole.
func ShortChunked(n int) Reply {
	return func(x *Exchange) {
		r := x.granted()
		x.Head(http.StatusPartialContent, append(x.lines(r, int64(len(x.Object.Data)), -1), "Transfer-Encoding", "chunked")...)
		if n > 0 {
			x.Body([]byte(fmt.Sprintf("%x\r\n%s\r\n", n, x.Object.Data[r.Start:][:n])))
		}
		x.Body([]byte("0\r\n\r\n"))
	}
}

// LongChunked sends the range and some bytes more, in chunks.
func LongChunked(x *Exchange) {
	r := x.granted()
	x.Head(http.StatusPartialContent, append(x.lines(r, int64(len(x.Object.Data)), -1), "Transfer-Encoding", "chunked")...)
	body := string(x.Object.Data[r.Start:r.End]) + "more"
	x.Body([]byte(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)))
}

// Shifted answers about a range that lies so many bytes further on.
func Shifted(by int64) Reply {
	return func(x *Exchange) {
		r := x.granted()
		r.Start, r.End = r.Start+by, r.End+by
		x.Head(http.StatusPartialContent, x.lines(r, int64(len(x.Object.Data)), r.Len())...)
		x.Body(x.Object.Data[r.Start:r.End])
	}
}

// Total answers truly, but names another size of the file.
func Total(size int64) Reply {
	return func(x *Exchange) {
		r := x.granted()
		x.Head(http.StatusPartialContent, x.lines(r, size, r.Len())...)
		x.Body(x.Object.Data[r.Start:r.End])
	}
}

// Encoded answers with a Content-Encoding.
func Encoded(coding string) Reply {
	return func(x *Exchange) {
		r := x.granted()
		x.Head(http.StatusPartialContent, append(x.lines(r, int64(len(x.Object.Data)), r.Len()), "Content-Encoding", coding)...)
		x.Body(x.Object.Data[r.Start:r.End])
	}
}

// Multipart answers in the form meant for several ranges.
func Multipart(x *Exchange) {
	r := x.granted()
	body := fmt.Sprintf("--x\r\nContent-Range: bytes %d-%d/%d\r\n\r\n%s\r\n--x--\r\n", r.Start, r.End-1, len(x.Object.Data), x.Object.Data[r.Start:r.End])
	x.Head(http.StatusPartialContent, "Content-Type", "multipart/byteranges; boundary=x", "Content-Length", strconv.Itoa(len(body)))
	x.Body([]byte(body))
}

// Whole ignores the range and sends a file of so many bytes: the object's, then zeros. The number of
// bytes that the client let it send is added to sent.
func Whole(size int64, sent func(int64)) Reply {
	return func(x *Exchange) {
		lines := []string{"Content-Length", strconv.FormatInt(size, 10)}
		if x.Object.ETag != "" {
			lines = append(lines, "ETag", x.Object.ETag)
		}
		x.Head(http.StatusOK, lines...)
		chunk := make([]byte, 64<<10)
		var done int64
		copy(chunk, x.Object.Data)
		for done < size && x.Body(chunk[:min(int64(len(chunk)), size-done)]) {
			done += min(int64(len(chunk)), size-done)
			clear(chunk)
			if at := min(done, int64(len(x.Object.Data))); at > 0 {
				copy(chunk, x.Object.Data[at:])
			}
		}
		sent(done)
	}
}

// Silence never answers.
func Silence(x *Exchange) { x.Wait() }

// HeadOnly sends a faultless header, so many bytes, and then nothing more.
func HeadOnly(n int) Reply {
	return func(x *Exchange) {
		body := x.partialHead()
		x.Body(body[:min(n, len(body))])
		x.Wait()
	}
}

// Drip sends one byte per interval.
func Drip(interval time.Duration) Reply {
	return func(x *Exchange) {
		for _, b := range x.partialHead() {
			if !x.Body([]byte{b}) {
				return
			}
			time.Sleep(interval)
		}
	}
}

// Redirect sends the client elsewhere.
func Redirect(location string) Reply { return Status(http.StatusFound, "Location", location) }

// After waits before it lets another reply answer.
func After(d time.Duration, reply Reply) Reply {
	return func(x *Exchange) {
		time.Sleep(d)
		reply(x)
	}
}

// Until waits for a channel to be closed before it lets another reply answer.
func Until(gate <-chan struct{}, reply Reply) Reply {
	return func(x *Exchange) {
		<-gate
		reply(x)
	}
}
