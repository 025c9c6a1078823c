package fetch

import (
	"context"
	"io"

	"cogweave/core"
	"cogweave/fetch/store"
)

// part is the sink of one range of one piece, which may end early at the end of the file.
type part struct {
	want  core.ByteRange
	first func() int64 // of a file's first bytes: how many, asked when the request may start; nil without
	asked int64        // what it said
	data  []byte       // as long as the answer, once there is one
	have  int
}

func (p *part) rest() core.ByteRange {
	if p.first != nil && p.data == nil {
		p.asked = p.first()
		p.want.End = p.asked
	}
	return core.ByteRange{Start: p.want.Start + int64(p.have), End: p.want.End}
}

func (p *part) take(answer store.Body) error {
	if p.data == nil {
		p.want.End = answer.Range().End
		if p.first != nil {
			p.data = headRoom(p.want.Len())
		} else {
			p.data = make([]byte, p.want.Len())
		}
	}
	n, err := io.ReadFull(answer, p.data[p.have:])
	p.have += n
	return err
}

func (p *part) rewind() { p.have = 0 }

// readPart reads one range, without cache or sharing. The data is shorter where the file ends.
func (c *Client) readPart(ctx context.Context, href string, want store.Identity, r core.ByteRange) ([]byte, store.Identity, error) {
	p := &part{want: r}
	id, err := c.transfer(ctx, href, want, p)
	if err != nil {
		return nil, id, withRange(err, r)
	}
	return p.data, id, nil
}
