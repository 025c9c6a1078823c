package mosaic

import (
	"runtime"
	"slices"
	"sync"

	"cogweave/core"

	"golang.org/x/sys/unix"
)

// Pool is the process's CPU workers. Work arrives in groups, one per operation; workers serve the groups
// in turn, so that a small read is not kept waiting by a large one; but kin by age.
type Pool struct {
	mu      sync.Mutex
	wake    *sync.Cond
	groups  []*Group // those with work, in the order in which they are served
	born    int      // groups so far
	threads int      // wanted
	alive   int      // workers that run
	idle    int      // of them, those that wait for a task
}

// NewPool makes a pool of that many workers. They start with the first task.
func NewPool(threads int) *Pool {
	p := &Pool{threads: max(1, threads)}
	p.wake = sync.NewCond(&p.mu)
	return p
}

// SetThreads changes the number of workers, at once for new tasks.
func (p *Pool) SetThreads(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.threads = max(1, n)
	p.wake.Broadcast()
}

// Threads is the number of workers.
func (p *Pool) Threads() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.threads
}

// Group is the tasks of one operation.
type Group struct {
	pool    *Pool
	kin     any
	born    int // which of the pool's groups it is
	onPanic func(error)
	urgent  []func()
	normal  []func()
	queued  bool
}

// Group starts an empty group. A panic in a task is given to onPanic. Groups that have the same kin, if it is not nil, are
// served one after the other: each in its turn gives it to the eldest. An array's chunks, which are alike, all end at once
// otherwise, and workers have nothing to do while those who asked for them ask for the next.
func (p *Pool) Group(kin any, onPanic func(error)) *Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.born++
	return &Group{pool: p, kin: kin, born: p.born, onPanic: onPanic}
}

// Go queues a task. Urgent tasks run before the group's others: they free memory that others would add to.
func (g *Group) Go(urgent bool, task func()) {
	p := g.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if urgent {
		g.urgent = append(g.urgent, task)
	} else {
		g.normal = append(g.normal, task)
	}
	if !g.queued {
		g.queued = true
		p.groups = append(p.groups, g)
	}
	if p.alive < p.threads {
		p.alive++
		core.Go(p.work, nil)
		return
	}
	p.wake.Signal()
}

// Unneeded tells a worker whether to go on with what it could queue: the others are busy, and no other group waits.
func (g *Group) Unneeded() bool {
	p := g.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	others := len(p.groups)
	if g.queued {
		others--
	}
	return p.idle == 0 && p.alive >= p.threads && others == 0
}

// next takes a task from the group served longest ago, or the eldest of its kin. The lock is held.
func (p *Pool) next() (*Group, func()) {
	p.groups = append(p.groups[1:], p.groups[0])
	at := p.eldest(len(p.groups) - 1)
	g := p.groups[at]
	list := &g.urgent
	if len(g.urgent) == 0 {
		list = &g.normal
	}
	task := (*list)[0]
	(*list)[0] = nil
	*list = (*list)[1:]
	if g.queued = len(g.urgent)+len(g.normal) > 0; !g.queued {
		p.groups = slices.Delete(p.groups, at, at+1)
	}
	return g, task
}

// eldest gives the place of the eldest of a group's kin that has work.
func (p *Pool) eldest(at int) int {
	if p.groups[at].kin == nil {
		return at
	}
	for i, g := range p.groups {
		if g.kin == p.groups[at].kin && g.born < p.groups[at].born {
			at = i
		}
	}
	return at
}

// workerNice lowers the workers' priority a little below that of the threads that wait for them: an event
// loop that has work of its own gets the processor first.
const workerNice = 5

func (p *Pool) work() {
	// A thread of its own: the priority is the thread's.
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), workerNice)
	p.mu.Lock()
	for {
		if p.alive > p.threads {
			p.alive--
			p.mu.Unlock()
			return
		}
		if len(p.groups) == 0 {
			p.idle++
			p.wake.Wait()
			p.idle--
			continue
		}
		g, task := p.next()
		p.mu.Unlock()
		g.run(task)
		p.mu.Lock()
	}
}

func (g *Group) run(task func()) {
	defer func() {
		if r := recover(); r != nil {
			g.onPanic(core.Panicked(r))
		}
	}()
	task()
}
