package raftlog

import (
	"fmt"
	"log/slog"
)

// quiet passes on what raft has to say: not much of it is news to an operator.
type quiet struct{ log *slog.Logger }

func (q quiet) Debug(...any)                {}
func (q quiet) Debugf(string, ...any)       {}
func (q quiet) Info(v ...any)               { q.log.Debug(fmt.Sprint(v...)) }
func (q quiet) Infof(f string, v ...any)    { q.log.Debug(fmt.Sprintf(f, v...)) }
func (q quiet) Warning(v ...any)            { q.log.Debug(fmt.Sprint(v...)) }
func (q quiet) Warningf(f string, v ...any) { q.log.Debug(fmt.Sprintf(f, v...)) }
func (q quiet) Error(v ...any)              { q.log.Warn(fmt.Sprint(v...)) }
func (q quiet) Errorf(f string, v ...any)   { q.log.Warn(fmt.Sprintf(f, v...)) }
func (q quiet) Fatal(v ...any)              { panic(fmt.Sprint(v...)) }
func (q quiet) Fatalf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }
func (q quiet) Panic(v ...any)              { panic(fmt.Sprint(v...)) }
func (q quiet) Panicf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }
