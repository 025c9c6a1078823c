package cloud

import (
	"errors"
	"net/http"
	"testing"
)

type refusing struct{ hosts []string }

var errOrdinary = errors.New("the ordinary way")

func (r *refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	r.hosts = append(r.hosts, req.URL.Hostname())
	return nil, errOrdinary
}

// Nothing but a metadata service goes past the policy that keeps requests from link-local addresses.
func TestWhatGoesPastThePolicy(t *testing.T) {
	for host, past := range map[string]bool{
		"169.254.169.254": true, "169.254.170.2": true, "fd00:ec2::254": true, "metadata.google.internal": true,
		"127.0.0.1": false, "10.0.0.1": false, "fd00::1": false, "metadata.google.internal.example.org": false, "sts.amazonaws.com": false, "": false,
	} {
		if isMetadata(host) != past {
			t.Errorf("%q goes past the policy: %v", host, !past)
		}
	}
	ordinary := &refusing{}
	req, err := http.NewRequest(http.MethodGet, "https://login.example.org/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (metadataTripper{ordinary}).RoundTrip(req); !errors.Is(err, errOrdinary) || len(ordinary.hosts) != 1 {
		t.Errorf("%v, %v", err, ordinary.hosts)
	}
}
