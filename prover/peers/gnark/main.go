// gnark's Groth16 prover on a circuit and witness in iden3's formats: `gnark CIRCUIT.r1cs WITNESS.wtns`.
//
// Makes a key, says "ready", and for every line on standard input makes a proof, verifies it and prints the CPU seconds that
// the proof took, gnark's check of the witness included. All private wires are inputs: gnark has nothing to solve.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"syscall"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/backend/witness"
	"github.com/consensys/gnark/constraint"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/logger"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// section is what is left of a section of a file.
type section []byte

func (s *section) take(n uint64) []byte {
	head := (*s)[:n]
	*s = (*s)[n:]
	return head
}

func (s *section) u32() int { return int(binary.LittleEndian.Uint32(s.take(4))) }

func (s *section) scalar() (x fr.Element) {
	bytes := slices.Clone(s.take(fr.Bytes))
	slices.Reverse(bytes)
	check(x.SetBytesCanonical(bytes))
	return
}

// read returns the sections of a file by type.
func read(path string) map[int]section {
	bytes, err := os.ReadFile(path)
	check(err)
	file := section(bytes)
	file.take(8) // magic and version
	sections := map[int]section{}
	for n := file.u32(); n > 0; n-- {
		id := file.u32()
		sections[id] = file.take(binary.LittleEndian.Uint64(file.take(8)))
	}
	return sections
}

// circuit returns the constraint system of a .r1cs, and how many public and private wires it has beside the constant.
func circuit(path string) (*cs.R1CS, int, int) {
	sections := read(path)
	header, rows := sections[1], sections[2]
	header.take(4 + fr.Bytes) // the modulus
	wires, outputs, inputs := header.u32(), header.u32(), header.u32()
	header.take(4 + 8) // private inputs, labels
	constraints, public := header.u32(), outputs+inputs

	system := cs.NewR1CS(constraints)
	system.AddPublicVariable("1")
	for wire := 1; wire < wires; wire++ {
		if wire <= public {
			system.AddPublicVariable(strconv.Itoa(wire))
		} else {
			system.AddSecretVariable(strconv.Itoa(wire))
		}
	}
	row := func() constraint.LinearExpression {
		terms := make(constraint.LinearExpression, rows.u32())
		for i := range terms {
			wire, c := rows.u32(), rows.scalar()
			terms[i] = system.MakeTerm(constraint.U64{c[0], c[1], c[2], c[3]}, wire)
		}
		return terms
	}
	blueprint := system.AddBlueprint(&constraint.BlueprintGenericR1C{})
	for range constraints {
		system.AddR1C(constraint.R1C{L: row(), R: row(), O: row()}, blueprint)
	}
	return system, public, wires - 1 - public
}

// assignment returns the values of a .wtns without the constant.
func assignment(path string, public, private int) witness.Witness {
	values := read(path)[2]
	values.scalar()
	all := make(chan any)
	go func() {
		for range public + private {
			all <- values.scalar()
		}
		close(all)
	}()
	full, err := witness.New(ecc.BN254.ScalarField())
	check(err)
	check(full.Fill(public, private, all))
	return full
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func main() {
	logger.Disable()
	system, public, private := circuit(os.Args[1])
	full := assignment(os.Args[2], public, private)
	inputs, err := full.Public()
	check(err)
	key, verifying, err := groth16.Setup(system)
	check(err)
	fmt.Println("ready")
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		before := cpuSeconds()
		proof, err := groth16.Prove(system, key, full)
		after := cpuSeconds()
		check(err)
		check(groth16.Verify(proof, verifying, inputs))
		fmt.Println(after - before)
	}
}
