package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"cogweave/core"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// gcsServer is a bucket of Google's store, read by its XML interface.
type gcsServer struct {
	endpoint *url.URL
	payer    string // project that pays; "" for the bucket's owner
}

func newGCS(set options) (server, error) {
	endpoint := set["endpoint"]
	if endpoint == "" {
		endpoint = "https://storage.googleapis.com"
	}
	u, err := endpointURL(endpoint)
	if err != nil {
		return nil, err
	}
	s := &gcsServer{endpoint: u}
	if set.is("requester_pays") {
		s.payer = set["project"]
	}
	return s, nil
}

func (s *gcsServer) region() string { return "" }

func (s *gcsServer) locate(at location, _ string) *url.URL {
	return objectURL(s.endpoint, at.bucket+"/"+at.key, at.query)
}

func (s *gcsServer) sign(_ context.Context, _ *url.URL, header http.Header, c *credential, _ string) error {
	if c != nil {
		header.Set("Authorization", "Bearer "+c.Token)
		if s.payer != "" {
			header.Set("X-Goog-User-Project", s.payer)
		}
	}
	return nil
}

func (s *gcsServer) moved(*http.Response, string) bool { return false }

const gcsScope = "https://www.googleapis.com/auth/devstorage.read_only"

// googleCredential looks where Google's own tools look: the file that a variable names, that of gcloud,
// the machine.
func googleCredential(ctx context.Context, env Environment, via http.RoundTripper) (*credential, error) {
	path := env.first("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH")
	if text := env["GOOGLE_SERVICE_ACCOUNT_KEY"]; text != "" && path == "" {
		return googleToken(ctx, []byte(text), via)
	}
	if path != "" {
		return googleFile(ctx, path, via)
	}
	folder := env["CLOUDSDK_CONFIG"]
	if folder == "" {
		folder = filepath.Join(env.home(), ".config", "gcloud")
	}
	path = filepath.Join(folder, "application_default_credentials.json")
	if _, err := os.Stat(path); err == nil {
		return googleFile(ctx, path, via)
	}
	if env["GCE_METADATA_HOST"] != "" {
		return tokenOf(ctx, google.ComputeTokenSource("", gcsScope))
	}
	if !machine("Google") {
		return nil, nil
	}
	ctx, stop := context.WithTimeout(ctx, metadataWait)
	defer stop()
	found, err := tokenOf(ctx, google.ComputeTokenSource("", gcsScope))
	if err != nil {
		return nil, nil // not every machine of Google's make is in its cloud, or has an account
	}
	return found, nil
}

func googleFile(ctx context.Context, path string, via http.RoundTripper) (*credential, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Credentials", "the file of Google credentials cannot be read: %w", err)
	}
	return googleToken(ctx, text, via)
}

// googleToken has a token made of a credentials file of any of the kinds that users have.
func googleToken(ctx context.Context, text []byte, via http.RoundTripper) (*credential, error) {
	var file struct {
		Type google.CredentialsType `json:"type"`
	}
	if json.Unmarshal(text, &file) != nil || file.Type == "" {
		return nil, core.Errorf(core.InvalidArgument, "Credentials", "the Google credentials are not the JSON of an account")
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: metadataTripper{via}})
	found, err := google.CredentialsFromJSONWithType(ctx, text, file.Type, gcsScope)
	if err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Credentials", "the Google credentials cannot be used")
	}
	return tokenOf(ctx, found.TokenSource)
}

// tokenOf asks a source, which knows no context, until ctx ends.
func tokenOf(ctx context.Context, s oauth2.TokenSource) (*credential, error) {
	type answer struct {
		token *oauth2.Token
		err   error
	}
	answers := make(chan answer, 1)
	core.Go(func() {
		token, err := s.Token()
		answers <- answer{token, err}
	}, func(err error) { answers <- answer{err: err} })
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, a.err
		}
		return &credential{Token: a.token.AccessToken, expires: a.token.Expiry}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
