package main

import (
	"context"
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/plan"
)

// aheadShare is the part of the tile cache, one in so many, that one window may fill before it is read.
const aheadShare = 8

// ahead are the windows that a read names as the next; none where there is nowhere to keep their tiles.
func (r *readRequest) ahead(p *planned) ([]plan.Window, error) {
	if running().fetch.Effective().TileCacheBytes == 0 {
		return nil, nil
	}
	windows := make([]plan.Window, 0, len(r.Ahead))
	for _, told := range r.Ahead {
		var axes [4]plan.Axis
		for i, a := range told {
			for _, v := range a {
				if v > mostPositions || v < -mostPositions {
					return nil, core.Errorf(core.InvalidArgument, "Index", "ahead: %d is too large", v)
				}
			}
			axes[i] = plan.Axis{Start: int(a[0]), Step: int(a[1]), Count: int(a[2])}
		}
		w := plan.Window{Band: axes[0], Time: axes[1], Row: axes[2], Col: axes[3]}
		if _, _, err := p.CheckWindow(w); err != nil {
			return nil, err
		}
		windows = append(windows, w)
	}
	return windows, nil
}

// background is what goes on for no operation in particular, until all of them are cancelled.
type background struct {
	mu  sync.Mutex
	ctx context.Context // nil until it is asked for
	end context.CancelFunc
}

// context ends with the next call of cancel.
func (b *background) context() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx == nil {
		b.ctx, b.end = context.WithCancel(context.Background())
	}
	return b.ctx
}

func (b *background) cancel() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx != nil {
		b.end()
		b.ctx = nil
	}
}

// lookAhead is the tiles of one read, and then, in the background, those of windows that will be read soon: once the
// read's first tiles have come, so that it does not share the network with what can wait.
type lookAhead struct {
	core.TileSource
	once  sync.Once
	begin func()
}

// Tiles implements core.TileSource.
func (l *lookAhead) Tiles(ctx context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	l.TileSource.Tiles(ctx, refs, done)
	if ctx.Err() == nil {
		l.once.Do(l.begin)
	}
}

// lookingAhead gives the tiles of a read of a plan. What it begins goes on when the read has ended well; stop ends it.
func lookingAhead(ctx context.Context, p *planned, tiles core.TileSource, windows []plan.Window) (_ *lookAhead, stop func()) {
	ctx, stop = context.WithCancel(context.WithoutCancel(ctx))
	ended := context.AfterFunc(running().background.context(), stop)
	client, most := running().fetch, running().fetch.Effective().TileCacheBytes/aheadShare
	begin := func() {
		var left atomic.Int32
		left.Store(int32(len(windows)))
		for _, w := range windows {
			core.Go(func() {
				defer func() {
					if left.Add(-1) == 0 {
						ended()
						stop()
					}
				}()
				running().mosaic.Ahead(ctx, p.Plan, w, p.headers.reading(client), client, most)
			}, nil)
		}
	}
	return &lookAhead{TileSource: tiles, begin: begin}, stop
}
