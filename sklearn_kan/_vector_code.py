"""Instructions of several numbers for the loops of `_vectors`; Numba is there when this file is imported."""

import functools

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import lower_builtin, type_callable

_QUICK = ("contract", "reassoc", "nsz", "arcp")


class _Code:
    """Instructions with vectors of one width."""

    def __init__(self, builder, width):
        self.builder, self.width = builder, width
        number = ir.DoubleType()
        self.type = number if width == 1 else ir.VectorType(number, width)

    def load(self, pointer, j):
        """The numbers from the j-th on behind a pointer."""
        return self.builder.load(self._at(pointer, j), align=8)

    def store(self, vector, pointer, j):
        self.builder.store(vector, self._at(pointer, j), align=8)

    def _at(self, pointer, j):
        return self.builder.bitcast(self.builder.gep(pointer, [j]), self.type.as_pointer())

    def filled(self, number):
        """A vector of one number."""
        if self.width == 1:
            return number
        unknown, lane = ir.Constant(self.type, ir.Undefined), ir.IntType(32)
        first = self.builder.insert_element(unknown, number, lane(0))
        return self.builder.shuffle_vector(first, unknown, ir.Constant(ir.VectorType(lane, self.width), None))

    def times(self, left, right):
        return self.builder.fmul(left, right, flags=_QUICK)

    def plus(self, left, right):
        return self.builder.fadd(left, right, flags=_QUICK)

    def minus(self, left, right):
        return self.builder.fsub(left, right, flags=_QUICK)

    def constant(self, number=0.0):
        return ir.Constant(self.type, number if self.width == 1 else [number] * self.width)

    def lanes(self, vector):
        """The numbers of a vector."""
        if self.width == 1:
            return [vector]
        return [self.builder.extract_element(vector, ir.IntType(32)(k)) for k in range(self.width)]

    def combination(self, values, rows, j, onto):
        """Sum of values times the numbers from the j-th on of as many rows, added to a vector."""
        for value, row in zip(values, rows, strict=True):
            onto = self.plus(onto, self.times(self.filled(value), self.load(row, j)))
        return onto

    def total(self, vector):
        """Sum of the numbers of a vector."""
        lanes = self.lanes(vector)
        while len(lanes) > 1:
            lanes = [self.plus(left, right) for left, right in zip(lanes[::2], lanes[1::2], strict=True)]
        return lanes[0]


def _for_width(builder, n, body, widest=4):
    """Build body(code, j) for as many numbers at once as there may be, then for half as many down to one, of n."""
    integer = n.type
    whole = builder.and_(n, integer(-widest))
    with cgutils.for_range_slice(builder, integer(0), whole, integer(widest)) as (j, _):
        body(_Code(builder, widest), j)
    width = widest // 2
    while width:
        left = builder.and_(n, integer(width))
        with builder.if_then(builder.icmp_unsigned("!=", left, integer(0))):
            body(_Code(builder, width), builder.and_(n, integer(-2 * width)))
        width //= 2


def _check(*arrays):
    for array in arrays:
        if not (isinstance(array, types.Array) and array.layout == "C" and array.dtype == types.float64):
            raise TypingError(f"Rows must be in C-contiguous arrays of float64, got {array}.")


def _pointer(context, builder, kind, array, place):
    """Where a place in an array is."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [place])


def _rows(context, builder, kind, array, n_rows, n, first, last):
    """Pointers to rows of n numbers: one after the other from the first on, and the last one.

    Each is found from the one before: their places would all be products, which take long.
    """
    rows = [_pointer(context, builder, kind, array, first)]
    while len(rows) < n_rows - 1:
        rows.append(builder.gep(rows[-1], [n]))
    return [*rows[: n_rows - 1], _pointer(context, builder, kind, array, last)]


def _row_and_others(context, builder, signature, arguments):
    """Pointer to the row of a combination, n, its values and pointers to the rows that it is of."""
    row_kind, *_, rows_kind, _, _ = signature.args
    row, at, n, values, rows, first, last = arguments
    values = cgutils.unpack_tuple(builder, values)
    others = _rows(context, builder, rows_kind, rows, len(values), n, first, last)
    return _pointer(context, builder, row_kind, row, at), n, values, others


def _add_combination(out, at, n, values, rows, first, last):
    _check(out, rows)

    def codegen(context, builder, signature, arguments):
        out, n, values, rows = _row_and_others(context, builder, signature, arguments)

        def body(code, j):
            code.store(code.combination(values, rows, j, code.load(out, j)), out, j)

        _for_width(builder, n, body)
        return context.get_dummy_value()

    return types.void(out, types.intp, types.intp, values, rows, types.intp, types.intp), codegen


def _add_to_rows(code, rows, values, vector, j):
    """Add multiples of a vector to the numbers from the j-th on of some rows."""
    old = [code.load(row, j) for row in rows]  # all, before any is stored
    for value, number, row in zip(values, old, rows, strict=True):
        code.store(code.plus(number, code.times(code.filled(value), vector)), row, j)


def _add_multiples(rows, first, last, n, values, row, at):
    _check(rows, row)

    def codegen(context, builder, signature, arguments):
        rows_kind, *_, row_kind, _ = signature.args
        rows, first, last, n, values, row, at = arguments
        values = cgutils.unpack_tuple(builder, values)
        rows = _rows(context, builder, rows_kind, rows, len(values), n, first, last)
        row = _pointer(context, builder, row_kind, row, at)

        def body(code, j):
            _add_to_rows(code, rows, values, code.load(row, j), j)

        _for_width(builder, n, body)
        return context.get_dummy_value()

    return types.void(rows, types.intp, types.intp, types.intp, values, row, types.intp), codegen


def _add_products(out, places, n, rows, starts, first, last, left, right):
    _check(out, rows)

    def codegen(context, builder, signature, arguments):
        out_kind, _, _, rows_kind, starts_kind, *_ = signature.args
        out, places, n, rows, starts, first, last, left, right = arguments
        places, integer = cgutils.unpack_tuple(builder, places), n.type
        starts = _pointer(context, builder, starts_kind, starts, integer(0))
        rows = _pointer(context, builder, rows_kind, rows, integer(0))
        lines = [_pointer(context, builder, out_kind, out, place) for place in places]
        codes = [_Code(builder, width) for width in (8, 4, 2, 1)]
        sums = {code.width: [cgutils.alloca_once(builder, code.type) for _ in places] for code in codes}

        def body(code, j):
            totals = list(zip(lines, sums[code.width], strict=True))
            for line, total in totals:
                builder.store(code.load(line, j), total)
            with cgutils.for_range_slice(builder, first, last, integer(1)) as (k, _):
                start = builder.load(builder.gep(starts, [k]))
                row = code.load(builder.gep(rows, [builder.add(start, right)]), j)
                values = builder.gep(rows, [builder.add(start, left)])
                for a, (_, total) in enumerate(totals):
                    value = codes[-1].load(values, integer(a))
                    builder.store(code.plus(builder.load(total), code.times(code.filled(value), row)), total)
            for line, total in totals:
                code.store(builder.load(total), line, j)

        _for_width(builder, n, body, codes[0].width)
        return context.get_dummy_value()

    return types.void(out, places, types.intp, rows, starts, *[types.intp] * 4), codegen


def _products(builder, n, product):
    """Sum of the numbers of product(code, j) for n numbers in all."""
    codes = [_Code(builder, width) for width in (4, 2, 1)]
    sums = {code.width: cgutils.alloca_once_value(builder, code.constant()) for code in codes}

    def body(code, j):
        builder.store(code.plus(builder.load(sums[code.width]), product(code, j)), sums[code.width])

    for code in codes:  # in every turn of the loop that this is part of
        builder.store(code.constant(), sums[code.width])
    _for_width(builder, n, body)
    four, two, one = (code.total(builder.load(sums[code.width])) for code in codes)
    return codes[-1].plus(codes[-1].plus(four, two), one)


def _dot_combination(row, at, n, values, rows, first, last):
    _check(row, rows)

    def codegen(context, builder, signature, arguments):
        row, n, values, rows = _row_and_others(context, builder, signature, arguments)

        def product(code, j):
            return code.times(code.load(row, j), code.combination(values, rows, j, code.constant()))

        return _products(builder, n, product)

    return types.float64(row, types.intp, types.intp, values, rows, types.intp, types.intp), codegen


def _add_multiples_and_dot(grad, weights, first, last, n, values, slopes, row, at):
    _check(grad, weights, row)

    def codegen(context, builder, signature, arguments):
        grad_kind, weights_kind, *_, row_kind, _ = signature.args
        grad, weights, first, last, n, values, slopes, row, at = arguments
        values, slopes = (cgutils.unpack_tuple(builder, each) for each in (values, slopes))
        pairs = (grad_kind, grad), (weights_kind, weights)
        grad, weights = (_rows(context, builder, *pair, len(values), n, first, last) for pair in pairs)
        row = _pointer(context, builder, row_kind, row, at)

        def product(code, j):
            vector = code.load(row, j)
            _add_to_rows(code, grad, values, vector, j)
            return code.times(vector, code.combination(slopes, weights, j, code.constant()))

        return _products(builder, n, product)

    places = [types.intp] * 3
    return types.float64(grad, weights, *places, values, slopes, row, types.intp), codegen


def _write_rows(code, columns, out, step):
    """Write the numbers of some vectors, one of each in a row, to rows `step` apart."""
    row_code = _Code(code.builder, len(columns))
    for lane, numbers in enumerate(zip(*(code.lanes(column) for column in columns), strict=True)):
        row = ir.Constant(row_code.type, ir.Undefined)
        for k, number in enumerate(numbers):
            row = code.builder.insert_element(row, number, ir.IntType(32)(k))
        row_code.store(row, out, code.builder.mul(step, step.type(lane)))


def _cubic_writer(columns):
    """Code generator that writes what columns(code, *vectors) gives of some points of the arrays."""

    def codegen(context, builder, signature, arguments):
        out, at, step, n, *arrays = arguments
        out_kind, _, _, _, *kinds = signature.args
        out = _pointer(context, builder, out_kind, out, at)
        pairs = zip(kinds, arrays, strict=True)
        pointers = [_pointer(context, builder, kind, array, n.type(0)) for kind, array in pairs]

        def body(code, j):
            found = columns(code, *[code.load(pointer, j) for pointer in pointers])
            _write_rows(code, found, builder.gep(out, [builder.mul(j, step)]), step)

        whole = builder.and_(n, n.type(-4))
        for first, last, width in ((n.type(0), whole, 4), (whole, n, 1)):  # the rest takes as long to compile as to run
            with cgutils.for_range_slice(builder, first, last, n.type(width)) as (j, _):
                body(_Code(builder, width), j)
        return context.get_dummy_value()

    return codegen


def _cubic_values(code, u):
    """See `_vectors.write_cubic_values`."""
    one, half, sixth, high = (code.constant(number) for number in (1.0, 0.5, 1.0 / 6.0, 2.0 / 3.0))
    w = code.minus(one, u)

    def outer(z):
        return code.times(code.times(code.times(z, z), z), sixth)

    def inner(z):
        return code.minus(high, code.times(code.times(z, z), code.minus(one, code.times(half, z))))

    return outer(w), inner(u), inner(w), outer(u)


def _cubic_slopes(code, u, per_unit):
    """See `_vectors.write_cubic_slopes`."""
    one, three, four, half = (code.constant(number) for number in (1.0, 3.0, 4.0, 0.5))
    w, up = code.minus(one, u), code.times(half, per_unit)
    down = code.minus(code.constant(), up)

    def outer(z, side):
        return code.times(side, code.times(z, z))

    def inner(z, side):
        return code.times(code.times(side, z), code.minus(four, code.times(three, z)))

    return outer(w, down), inner(u, down), inner(w, up), outer(u, up)


def _write_cubic_values(out, at, step, n, u):
    _check(out, u)
    return types.void(out, *[types.intp] * 3, u), _cubic_writer(_cubic_values)


def _write_cubic_slopes(out, at, step, n, u, per_unit):
    _check(out, u, per_unit)
    return types.void(out, *[types.intp] * 3, u, per_unit), _cubic_writer(_cubic_slopes)


def _write_cubic_piece(value, slope, wanted, at, coefs, place, u, unit, distance):
    _check(value, slope, coefs)

    def codegen(context, builder, signature, arguments):
        value_kind, slope_kind, _, _, coefs_kind, *_ = signature.args
        value, slope, wanted, at, coefs, place, u, unit, distance = arguments
        code, number = _Code(builder, 4), _Code(builder, 1)
        value, slope = (
            _pointer(context, builder, kind, array, at) for kind, array in ((value_kind, value), (slope_kind, slope))
        )
        coefs = _pointer(context, builder, coefs_kind, coefs, place)
        c = [code.load(coefs, at.type(4 * power)) for power in range(4)]

        def but_first(first, others):
            return builder.insert_element(code.filled(others), first, ir.IntType(32)(0))

        z = but_first(number.minus(number.constant(1.0), u), u)
        side = but_first(number.minus(number.constant(), unit), unit)
        bend = code.plus(code.times(code.constant(2.0), c[2]), code.times(code.times(code.constant(3.0), z), c[3]))
        rise = code.times(side, code.plus(c[1], code.times(z, bend)))
        inside = c[3]
        for coef in c[2::-1]:
            inside = code.plus(coef, code.times(z, inside))
        start = at.type(0)
        code.store(code.plus(inside, code.times(rise, code.filled(distance))), value, start)
        with builder.if_then(wanted):
            code.store(rise, slope, start)
        return context.get_dummy_value()

    places, numbers = [types.intp] * 2, [types.float64] * 3
    return types.void(value, slope, types.boolean, places[0], coefs, places[1], *numbers), codegen


_INSTRUCTIONS = {
    "add_combination": _add_combination,
    "add_multiples": _add_multiples,
    "add_multiples_and_dot": _add_multiples_and_dot,
    "add_products": _add_products,
    "dot_combination": _dot_combination,
    "write_cubic_values": _write_cubic_values,
    "write_cubic_slopes": _write_cubic_slopes,
    "write_cubic_piece": _write_cubic_piece,
}


def teach(functions):
    """Let compiled kernels have these instructions where they call the functions of `_vectors`, of the same names."""
    for function in functions:
        _teach(function, _INSTRUCTIONS[function.__name__])


def _teach(function, define):
    """define(*types) gives the signature and the code generator. An overload would be compiled as a function."""

    @functools.wraps(function)
    def signature_of(*kinds):
        return define(*kinds)[0]

    type_callable(function)(lambda context: signature_of)

    @lower_builtin(function, types.VarArg(types.Any))
    def _(context, builder, signature, arguments):
        return define(*signature.args)[1](context, builder, signature, arguments)
