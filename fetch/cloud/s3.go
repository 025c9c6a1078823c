package cloud

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// s3Server is a bucket of S3, or of what speaks its language.
type s3Server struct {
	bucket   string
	endpoint *url.URL // nil: Amazon's own
	virtual  bool     // the bucket is part of the host name
	payer    bool
	place    atomic.Pointer[string] // the region
	signer   *v4.Signer
}

const (
	defaultRegion = "us-east-1"
	emptyPayload  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of no bytes
)

func newS3(env Environment, at location, set options) (server, error) {
	s := &s3Server{bucket: at.bucket, payer: set.is("requester_pays")}
	region := set["region"]
	if region == "" {
		region = profileRegion(env, set["profile"])
	}
	if !regionName.MatchString(region) {
		region = defaultRegion
	}
	s.place.Store(&region)
	s.signer = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	// A dot in the bucket's name would be one more level of host names, which the certificate does not cover.
	s.virtual = !strings.Contains(at.bucket, ".") && strings.ToLower(at.bucket) == at.bucket
	if set["endpoint"] != "" {
		var err error
		if s.endpoint, err = endpointURL(set["endpoint"]); err != nil {
			return nil, err
		}
		// A host may begin like the bucket and not mean it: https://eodata.dataspace.copernicus.eu/eodata/...
		rest, _ := strings.CutPrefix(s.endpoint.Host, at.bucket+".")
		s.virtual = rest != s.endpoint.Host && (strings.HasPrefix(rest, "s3.") || strings.HasPrefix(rest, "s3-"))
	}
	if style := set["virtual_hosted_style_request"]; style != "" {
		s.virtual = style == "true"
	}
	return s, nil
}

// endpointURL reads an endpoint, which the environment may have misspelled.
func endpointURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &store.Fault{Class: core.InvalidArgument, Reason: "Endpoint", Message: "the endpoint of the bucket is not an http or https URL"}
	}
	return u, nil
}

func (s *s3Server) region() string { return *s.place.Load() }

func (s *s3Server) locate(at location, region string) *url.URL {
	server := s.endpoint
	if server == nil {
		domain := ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			domain = ".amazonaws.com.cn"
		}
		server = &url.URL{Scheme: "https", Host: "s3." + region + domain}
	}
	if !s.virtual {
		return objectURL(server, s.bucket+"/"+at.key, at.query)
	}
	if !strings.HasPrefix(server.Host, s.bucket+".") { // obstore has its users write the bucket there, others do not
		copied := *server
		copied.Host = s.bucket + "." + server.Host
		server = &copied
	}
	return objectURL(server, at.key, at.query)
}

func (s *s3Server) sign(ctx context.Context, u *url.URL, header http.Header, c *credential, region string) error {
	if c == nil {
		return nil
	}
	header.Set("X-Amz-Content-Sha256", emptyPayload)
	if s.payer {
		header.Set("X-Amz-Request-Payer", "requester")
	}
	// Only what stands here is signed: a proxy may change the rest.
	r := (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: header}).WithContext(ctx)
	keys := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.Token}
	if err := s.signer.SignHTTP(ctx, keys, r, emptyPayload, "s3", region, time.Now()); err != nil {
		return &store.Fault{Class: core.AccessDenied, Reason: "Signature", Message: "the request could not be signed"}
	}
	return nil
}

// moved learns the region of a bucket, which S3 tells whoever asked in another. Many requests may have asked
// there at the same time: each of them is worth making again, not only the one whose answer came first.
func (s *s3Server) moved(answer *http.Response, asked string) bool {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest, http.StatusForbidden:
	default:
		return false
	}
	region := answer.Header.Get("X-Amz-Bucket-Region")
	if !regionName.MatchString(region) || region == asked {
		return false
	}
	s.place.Store(&region)
	return true
}
