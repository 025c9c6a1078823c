package cloud

import (
	"net/url"
	"strings"

	"cogweave/core"
)

// Hints are what a catalog says of the buckets of its files, by STAC's storage extension. They are
// defaults under the caller's options, and as little to be trusted as the rest of the catalog.
type Hints map[string]options // by location.name

// HintsOf collects what items say of buckets. The first word counts.
func HintsOf(items []core.Item) Hints {
	var hints Hints
	for i := range items {
		for j := range items[i].Assets {
			asset := &items[i].Assets[j]
			if asset.Storage == (core.Storage{}) {
				continue
			}
			at, err := locate(asset.Href)
			if err != nil || hints[at.name()] != nil {
				continue
			}
			if set := hint(at.kind, &asset.Storage); len(set) > 0 {
				if hints == nil {
					hints = Hints{}
				}
				hints[at.name()] = set
			}
		}
	}
	return hints
}

// hint keeps what is well-formed of a catalog's word. Only of S3 may it name the server: a signature of a
// request is of no use to anybody else, while Google's and Azure's tokens are good wherever they are shown.
func hint(k kind, s *core.Storage) options {
	set := options{}
	if regionName.MatchString(s.Region) {
		set["region"] = s.Region
	}
	if s.RequesterPays {
		set["requester_pays"] = "true"
	}
	if u, err := url.Parse(s.Endpoint); k == s3 && err == nil && u.Host != "" && u.User == nil && strings.EqualFold(u.Scheme, "https") {
		set["endpoint"] = u.Scheme + "://" + u.Host + u.Path
		if s.BucketInHost {
			set["virtual_hosted_style_request"] = "true"
		}
	}
	return set
}

func (h Hints) of(at location) options { return h[at.name()] }
