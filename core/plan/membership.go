package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"

	"cogweave/core"
)

// Membership is what a plan made of its items.
type Membership struct {
	// Steps is the position in Plan.Steps of each item, in the order of Plan.Items.
	Steps []int32 `json:"steps"`
	// Digest is a SHA-256 of all that the plan knows of its items, in order: other items, other files or
	// files that lie elsewhere give another one.
	Digest string `json:"digest"`
}

// Membership tells the step of every item, and the items from any others.
func (p *Plan) Membership() Membership {
	m := Membership{Steps: make([]int32, len(p.Items))}
	for s := range p.Steps {
		for _, item := range p.Steps[s].Items {
			m.Steps[item] = int32(s)
		}
	}
	d := itemDigest{sha256.New()}
	for i := range p.Items {
		d.item(&p.Items[i])
	}
	m.Digest = hex.EncodeToString(d.hash.Sum(nil))
	return m
}

// itemDigest hashes items. Texts are preceded by their length, lists by their number.
type itemDigest struct{ hash hash.Hash }

func (d itemDigest) number(v int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(v))
	d.hash.Write(b[:])
}

func (d itemDigest) float(v float64) { d.number(int64(math.Float64bits(v))) }

func (d itemDigest) text(s string) {
	d.number(int64(len(s)))
	d.hash.Write([]byte(s))
}

func (d itemDigest) item(item *core.Item) {
	d.text(item.ID)
	d.number(item.Datetime)
	for _, edge := range item.BBox {
		d.float(edge)
	}
	d.number(int64(len(item.Assets)))
	for i := range item.Assets {
		d.asset(&item.Assets[i])
	}
}

func (d itemDigest) asset(a *core.ItemAsset) {
	for _, s := range [...]string{a.Key, a.Href, a.MediaType, a.Title, a.Proj.CRS} {
		d.text(s)
	}
	d.number(int64(len(a.Roles)))
	for _, role := range a.Roles {
		d.text(role)
	}
	d.number(int64(a.Proj.Shape[0]))
	d.number(int64(a.Proj.Shape[1]))
	t := a.Proj.Transform
	for _, term := range [...]float64{t.A, t.B, t.C, t.D, t.E, t.F} {
		d.float(term)
	}
	d.number(int64(len(a.Bands)))
	for i := range a.Bands {
		b := &a.Bands[i]
		d.text(b.Name)
		d.text(b.CommonName)
		d.text(string(b.DType))
		nodata := b.NoData.Value
		if !b.NoData.Set {
			nodata = math.Inf(1)
		}
		d.float(nodata)
		d.float(b.Scale)
		d.float(b.Offset)
	}
}
