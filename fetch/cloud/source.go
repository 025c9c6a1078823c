package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

// credential lets a caller in. Which fields are set depends on the kind of store.
type credential struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	Token           string `json:"token"`      // session token (S3) or bearer token
	SAS             string `json:"sas_token"`  // query of a shared access signature
	AccessKey       string `json:"access_key"` // Azure's account key
	expires         time.Time
}

// expiry is how long before its end a credential is no longer used.
const expiry = 2 * time.Minute

const (
	noneKept  = time.Minute     // before credentials are looked for again where there were none
	errorKept = 3 * time.Second // before a failure is tried again
	lookup    = 20 * time.Second
)

// source gives the credentials of an identity, and keeps them until they expire.
type source struct {
	how  string // in words, for errors
	find func(ctx context.Context, via http.RoundTripper) (*credential, error)

	lock    chan struct{} // of capacity 1; a mutex that gives up when a context ends
	current *credential   // nil: anonymous
	err     error
	until   time.Time // when to look again; zero: never
}

func newSource(how string, find func(ctx context.Context, via http.RoundTripper) (*credential, error)) *source {
	return &source{how: how, find: find, lock: make(chan struct{}, 1), until: time.Unix(1, 0)}
}

// fixed is the source of what does not change.
func fixed(how string, c *credential) *source {
	s := newSource(how, nil)
	s.current, s.until = c, time.Time{}
	return s
}

// credential gives the credentials, or nil where there are none.
func (s *source) credential(ctx context.Context, via http.RoundTripper) (*credential, error) {
	if s == nil {
		return nil, nil
	}
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.until.IsZero() || time.Now().Before(s.until) {
		return s.current, s.err
	}
	bounded, stop := context.WithTimeout(ctx, lookup)
	defer stop()
	c, err := s.find(bounded, via)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // says nothing about the credentials
	}
	s.current, s.err, s.until = c, err, time.Time{}
	switch {
	case err != nil:
		s.err, s.until = s.fault(err), time.Now().Add(errorKept)
	case c == nil:
		s.until = time.Now().Add(noneKept)
	case !c.expires.IsZero():
		s.until = c.expires.Add(-expiry)
		if left := time.Until(c.expires); left < 2*expiry {
			s.until = time.Now().Add(left / 2)
		}
	}
	return s.current, s.err
}

// refused forgets a credential that a server did not take; it gives false where there is no other, or
// nobody waits for it any more.
func (s *source) refused(ctx context.Context, c *credential) bool {
	if s == nil || s.find == nil || c == nil {
		return false
	}
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return false
	}
	if s.current == c {
		s.until = time.Unix(1, 0)
	}
	return true
}

// fault names a failure to get credentials. What a service answered may repeat a secret: only the
// library's own errors are shown.
func (s *source) fault(err error) error {
	f := &store.Fault{Class: core.AccessDenied, Reason: "Credentials", Message: "no credentials could be had from " + s.how}
	var own *core.Error
	var known *store.Fault
	switch {
	case errors.As(err, &own):
		f.Class, f.Reason, f.Message = own.Class, own.Reason, own.Message
		if own.Class == core.InvalidArgument {
			f.Message = s.how + ": " + own.Message
		}
	case errors.As(err, &known):
		f.Message += ": " + known.Message
	case errors.Is(err, context.DeadlineExceeded):
		f.Message += ": it did not answer in time"
	default:
		f.Message += ": " + core.Redact(firstLine(err))
	}
	return f
}

func firstLine(err error) string {
	text := []rune(err.Error())
	for i, r := range text {
		if r == '\n' || i == 200 {
			return string(text[:i])
		}
	}
	return string(text)
}

// provided reads what a caller's credential provider gave.
func provided(raw json.RawMessage) (*credential, error) {
	c := &credential{}
	var more struct {
		SessionToken string  `json:"session_token"`
		ExpiresAt    *string `json:"expires_at"`
	}
	if json.Unmarshal(raw, c) != nil || json.Unmarshal(raw, &more) != nil {
		return nil, core.Errorf(core.InvalidArgument, "Credentials", "the credential provider gave no mapping of texts")
	}
	if c.Token == "" {
		c.Token = more.SessionToken
	}
	if c.AccessKeyID == "" && c.Token == "" && c.SAS == "" && c.AccessKey == "" {
		return nil, core.Errorf(core.InvalidArgument, "Credentials",
			"the credential provider gave none of access_key_id, token, sas_token and access_key")
	}
	if more.ExpiresAt != nil {
		at, err := time.Parse(time.RFC3339Nano, *more.ExpiresAt)
		if err != nil {
			return nil, core.Errorf(core.InvalidArgument, "Credentials", "the credential provider's expires_at is no time with a zone")
		}
		c.expires = at
	}
	return c, nil
}
