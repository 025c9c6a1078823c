package httpstore

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

// statusFault names what a status other than 200, 206 and 416 means.
func statusFault(resp *http.Response) *store.Fault {
	code := errorCode(resp)
	f := &store.Fault{Class: core.AssetError, Reason: "HTTP" + strconv.Itoa(resp.StatusCode),
		Message: fmt.Sprintf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))}
	if code != "" {
		f.Message += " (" + code + ")"
	}
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		f.Class, f.Reason = core.AssetNotFound, "NotFound"
	case http.StatusUnauthorized, http.StatusForbidden:
		f.Class, f.Reason = core.AccessDenied, store.AccessDenied
	case http.StatusPreconditionFailed:
		return store.Changed("the server no longer has the version that was first read")
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		f.Retry = store.Transient
	case http.StatusBadRequest:
		switch code {
		case "RequestTimeout":
			f.Retry = store.Transient
		case "ExpiredToken": // a signed URL of Google's that has ended; another signature may be taken
			f.Class, f.Reason = core.AccessDenied, store.AccessDenied
		}
	case http.StatusTooManyRequests:
		f.Retry = store.Throttled
	case http.StatusServiceUnavailable:
		f.Retry = store.Transient
		if code == "SlowDown" || resp.Header.Get("Retry-After") != "" {
			f.Retry = store.Throttled
		}
	}
	if f.Retry != store.Never {
		f.After = retryAfter(resp.Header)
	}
	return f
}

// errorCode is the text of the <Code> element that object stores describe an error with, or "". The
// rest of such a document is never shown: it may repeat the request's signature.
func errorCode(resp *http.Response) string {
	if !strings.Contains(resp.Header.Get("Content-Type"), "xml") {
		return ""
	}
	defer closeSoon(resp)()
	head, _ := io.ReadAll(io.LimitReader(resp.Body, 2<<10))
	_, rest, found := bytes.Cut(head, []byte("<Code>"))
	code, _, closed := bytes.Cut(rest, []byte("</Code>"))
	if !found || !closed || len(code) > 64 {
		return ""
	}
	for _, c := range code {
		if c < '0' || c > 'z' {
			return ""
		}
	}
	return string(code)
}

// retryAfter reads seconds or a date. A date is taken relative to the answer's own Date: this
// machine's clock has no part in it.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err == nil || errors.Is(err, strconv.ErrRange) { // too large a number comes back as the largest
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// transportFault names why a request got no answer.
func transportFault(err error) *store.Fault {
	var known *store.Fault
	if errors.As(err, &known) {
		return known
	}
	f := &store.Fault{Class: core.AssetError, Cause: err}
	var (
		refused *refusedAddress
		lookup  *net.DNSError
		op      *net.OpError
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		record  tls.RecordHeaderError
		timeout net.Error
	)
	timedOut := errors.As(err, &timeout) && timeout.Timeout()
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.As(err, &refused):
		f.Reason, f.Message = "AddressRefused", "the address is not allowed"
	case errors.As(err, &lookup) && !timedOut:
		f.Reason, f.Message = "DNS", "the host's name cannot be resolved"
		if !lookup.IsNotFound {
			f.Retry = store.Transient
		}
	case errors.As(err, &verify), errors.As(err, &unknown):
		f.Reason, f.Message = "Certificate", "the server's certificate is not valid"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch), strings.HasPrefix(err.Error(), "tls: "),
		op != nil && (op.Op == "remote error" || op.Op == "local error"): // the alerts of crypto/tls
		f.Reason, f.Message = "TLS", "no TLS connection could be agreed on"
	case timedOut && dialing:
		f.Class, f.Reason, f.Message, f.Retry = core.FetchTimeout, "ConnectTimeout", "no connection in time", store.Transient
	case timedOut && strings.Contains(err.Error(), "TLS handshake"):
		f.Class, f.Reason, f.Message, f.Retry = core.FetchTimeout, "TLSTimeout", "no TLS handshake in time", store.Transient
	case timedOut:
		f.Class, f.Reason, f.Message, f.Retry = core.FetchTimeout, "FirstByteTimeout", "no answer in time", store.Transient
	case dialing && errors.Is(err, syscall.ECONNREFUSED):
		// Nobody listens: an error at once is worth more than one after five attempts.
		f.Reason, f.Message = "Refused", "the connection was refused"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		f.Reason, f.Message, f.Retry = "TooManyOpenFiles", "no connection can be opened, for want of descriptors (ulimit -n, max_requests)", store.Transient
	case strings.Contains(err.Error(), "malformed "), strings.Contains(err.Error(), "transport connection broken: ") && op == nil && !ended(err):
		// The client's words repeat what came, which may be anything, the request's signature included.
		f.Reason, f.Message, f.Retry, f.Cause = "NotHTTP", "what the server answered is not HTTP", store.Transient, nil
	default:
		f.Reason, f.Message, f.Retry = "ConnectionLost", "the connection broke before an answer came", store.Transient
	}
	return f
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// readFault names why an answer broke off after got of want bytes.
func readFault(err error, want, got int64) *store.Fault {
	if ended(err) {
		return store.Short(want, got, nil)
	}
	return &store.Fault{Class: core.AssetError, Reason: "ConnectionLost", Retry: store.Transient, Cause: err,
		Message: fmt.Sprintf("the connection broke after %d of %d bytes", got, want)}
}
