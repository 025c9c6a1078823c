package cloud

import (
	"context"
	"net/http"
	"net/url"
)

// bucket is a bucket as one Access reaches it.
type bucket struct {
	name    string
	source  *source // nil: anonymous
	how     string  // why it is read so, for errors
	trusted bool
	server
}

// server knows the addresses and the signature of a kind of store.
type server interface {
	// region is where the bucket is thought to lie by now; "" where nobody has to know. Other requests may
	// learn better at any time: one request is located, signed and judged by the same region.
	region() string
	// locate gives the URL of an object.
	locate(at location, region string) *url.URL
	// sign adds to URL and headers what lets a caller in; c is nil for an anonymous one.
	sign(ctx context.Context, u *url.URL, header http.Header, c *credential, region string) error
	// moved learns from the answer to a request for a region that the bucket is elsewhere.
	moved(answer *http.Response, region string) bool
}

// newBucket makes a bucket of its settings.
func newBucket(id *Identity, at location, set options, use usage) (*bucket, error) {
	b := &bucket{name: at.name(), trusted: use.trusted}
	var err error
	switch at.kind {
	case s3:
		b.server, err = newS3(id.env, at, set)
	case gcs:
		b.server, err = newGCS(set)
	default:
		b.server, err = newAzure(at, set)
	}
	if err != nil {
		return nil, err
	}
	b.source, b.how = id.source(at, set, use)
	return b, nil
}
