package plan

import (
	"context"
	"errors"
	"slices"

	"cogweave/core"
	"cogweave/core/cog"
)

// maxSpecimens is how many items are looked at for one that can be read: a whole archive that is out of reach must not
// be asked item by item.
const maxSpecimens = 8

// sought is what some item's files tell of all: how many bands, which type, which grid.
type sought struct {
	// files lists the files of an item that tell it; none where the item has nothing of it.
	files func(item int) []file
	// listed, if set: whether the catalog tells it of an item's file, which then is not read.
	listed func(f *file) bool
	// check is what is wrong with files that were read, or could not be.
	check func(s *specimen) error
}

// specimen is an item that tells what is sought, or err why it does not.
type specimen struct {
	item   int
	files  []file
	listed bool // by the catalog: the files were not read
	err    error
}

// specimens finds for each thing sought the first item that tells it. Where an item that cannot be read counts as absent,
// it does so with all its bands, and others are asked in its stead: all at once, since each may take its time to fail.
// The item is -1 where none has the thing.
func (p *Plan) specimens(ctx context.Context, of []sought, headers HeaderReader) []specimen {
	asked, known := make([][]specimen, len(of)), make([]int, len(of))
	for more := true; more; {
		more = false
		var files []*file
		for k := range of {
			if p.firstReadable(asked[k]) < 0 {
				asked[k] = append(asked[k], p.further(&of[k], asked[k])...)
			}
			for i := known[k]; i < len(asked[k]); i++ {
				for n := range asked[k][i].files {
					if !asked[k][i].listed {
						files = append(files, &asked[k][i].files[n])
					}
				}
			}
		}
		p.readFiles(ctx, files, headers)
		for k := range of {
			for ; known[k] < len(asked[k]); known[k]++ {
				p.judge(&of[k], &asked[k][known[k]])
				more = true
			}
		}
	}
	chosen := make([]specimen, len(of))
	for k := range of {
		chosen[k] = p.choose(asked[k])
		if len(asked[k]) > 1 && chosen[k].err == nil {
			p.told = append(p.told, chosen[k].item)
		}
	}
	return chosen
}

// further gives the items to ask next: the first at first, or one that told another thing when earlier ones could not; then
// some of all that are left, spread over their list.
func (p *Plan) further(of *sought, asked []specimen) []specimen {
	if len(asked) > 1 {
		return nil
	}
	if len(asked) == 0 {
		told := func(i int) bool { return !p.absent(i) && len(of.files(i)) > 0 }
		if k := slices.IndexFunc(p.told, told); k >= 0 {
			return of.specimens(p.told[k : k+1])
		}
	}
	var rest, absent []int
	for i := range p.Items {
		switch {
		case len(of.files(i)) == 0 || (len(asked) == 1 && i == asked[0].item):
		case p.absent(i):
			absent = append(absent, i)
		case len(asked) == 0:
			return of.specimens([]int{i})
		default:
			rest = append(rest, i)
		}
	}
	if len(asked) == 0 { // one that is absent by another file may still tell
		return of.specimens(absent[:min(1, len(absent))])
	}
	some := make([]int, min(len(rest), maxSpecimens-1))
	for k := range some {
		some[k] = rest[k*(len(rest)-1)/max(1, len(some)-1)]
	}
	return of.specimens(some)
}

// specimens makes some of items, up to the first that the catalog tells of.
func (of *sought) specimens(items []int) []specimen {
	var made []specimen
	for _, i := range items {
		s := specimen{item: i, files: of.files(i)}
		s.listed = of.listed != nil && of.listed(&s.files[0])
		if made = append(made, s); s.listed {
			break
		}
	}
	return made
}

// judge looks at what was read of an item, and remembers one that counts as absent.
func (p *Plan) judge(of *sought, s *specimen) {
	if s.listed {
		return
	}
	if s.err = of.check(s); !p.ignores(s.err) {
		return
	}
	if p.unread == nil {
		p.unread = map[int][]int{}
	}
	p.unread[s.item] = append(p.unread[s.item], s.files[0].asset)
}

// firstReadable is the first of the items asked that does not count as absent, or -1.
func (p *Plan) firstReadable(asked []specimen) int {
	return slices.IndexFunc(asked, func(s specimen) bool { return !p.ignores(s.err) && !p.absent(s.item) })
}

// choose takes the first item that does not count as absent, else one whose files tell all the same, else the error of
// the first.
func (p *Plan) choose(asked []specimen) specimen {
	if len(asked) == 0 {
		return specimen{item: -1}
	}
	at := p.firstReadable(asked)
	if at < 0 {
		at = slices.IndexFunc(asked, func(s specimen) bool { return s.err == nil })
	}
	return asked[max(0, at)]
}

// absent tells whether an item is known to count as absent: a file of one of its bands could not be read.
func (p *Plan) absent(item int) bool {
	unread := p.unread[item]
	return len(unread) > 0 && len(p.layouts) > 0 &&
		slices.ContainsFunc(p.layoutOf(item).files, func(f layoutFile) bool { return slices.Contains(unread, f.asset) })
}

// ignores tells whether an item's error makes it count as absent: not one of the request, but an href that none can read.
func (p *Plan) ignores(err error) bool {
	var e *core.Error
	if !p.IgnoreErrors || !errors.As(err, &e) || e.Class == core.Cancelled {
		return false
	}
	return e.Class != core.InvalidArgument || e.Reason == "Href"
}

// ofBands seeks something of each band. listed may be nil.
func (p *Plan) ofBands(listed func(b int, f *file) bool, check func(b int, f *file) error) []sought {
	of := make([]sought, len(p.Bands))
	for b := range of {
		of[b].files = func(item int) []file {
			if at := p.place(item, b); at.asset >= 0 {
				return []file{{item: item, asset: at.asset}}
			}
			return nil
		}
		if listed != nil {
			of[b].listed = func(f *file) bool { return listed(b, f) }
		}
		of[b].check = func(s *specimen) error {
			err := s.files[0].err
			if err == nil {
				err = check(b, &s.files[0])
			}
			return core.InBand(err, p.Items[s.item].ID, p.Bands[b].Name)
		}
	}
	return of
}

// readFiles reads the headers of files.
func (p *Plan) readFiles(ctx context.Context, files []*file, headers HeaderReader) {
	if len(files) == 0 {
		return
	}
	hrefs := make([]string, len(files))
	for i, f := range files {
		hrefs[i] = p.asset(f).Href
	}
	headers.Headers(ctx, hrefs, func(i int, h *cog.Header, err error) { files[i].header, files[i].err = h, err })
}

// asset is a file as its item has it.
func (p *Plan) asset(f *file) *core.ItemAsset { return &p.Items[f.item].Assets[f.asset] }
