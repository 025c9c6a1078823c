package fetch

import (
	"context"
	"slices"
	"testing"

	"cogweave/core"
)

// leaving says Cancelled, as the signer of a caller does who leaves and is not off the list yet.
type leaving struct{ asked int }

func (s *leaving) Sign(context.Context, []string, bool) ([]string, error) {
	s.asked++
	return nil, core.Errorf(core.Cancelled, "", "the caller left")
}

type staying struct{}

func (*staying) Sign(_ context.Context, hrefs []string, _ bool) ([]string, error) {
	return []string{hrefs[0] + "?sig"}, nil
}

func TestASignerThatLeavesIsFollowedByAnother(t *testing.T) {
	gone := &leaving{}
	for what, c := range map[string]struct {
		callers []Signer
		want    string // "": cancelled
	}{
		"one stays":               {[]Signer{gone, nil, &staying{}}, "a?sig"},
		"one without a signer":    {[]Signer{gone, nil}, "a"},
		"all leave":               {[]Signer{gone}, ""},
		"nobody signs":            {[]Signer{nil}, "a"},
		"nobody is there to sign": {nil, "a"},
	} {
		gone.asked = 0
		s := sharedSigner(func(leftOut []Signer) (Signer, bool) { return signerOf(slices.Values(c.callers), leftOut) })
		signed, err := s.Sign(context.Background(), []string{"a"}, false)
		if c.want == "" && core.ClassOf(err) != core.Cancelled || c.want != "" && (err != nil || signed[0] != c.want) {
			t.Errorf("%s: %v, %v", what, signed, err)
		}
		if gone.asked > 1 {
			t.Errorf("%s: asked %d times", what, gone.asked)
		}
	}
}
