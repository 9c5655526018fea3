// Prints what a Groovy file calls and sets, one a line, outer before inner: NAME, a tab, the literals given to it. Nothing of the file is run.
// A file that does not parse ends this with its syntax errors and exit code 1.
import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ConstantExpression
import org.codehaus.groovy.ast.expr.MapEntryExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.TupleExpression
import org.codehaus.groovy.ast.expr.VariableExpression
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.MultipleCompilationErrorsException
import org.codehaus.groovy.control.Phases

def literals(given) {
    if (given instanceof ConstantExpression || given instanceof VariableExpression) return [given.text]
    if (given instanceof MapEntryExpression) return ["${given.keyExpression.text}=${given.valueExpression.text}"]
    if (given instanceof TupleExpression) return given.expressions.collectMany { literals(it) } // of arguments, named ones too
    return given.respondsTo('getMapEntryExpressions') ? given.mapEntryExpressions.collectMany { literals(it) } : []
}

def unit = new CompilationUnit()
unit.addSource(new File(args[0]))
try {
    unit.compile(Phases.CONVERSION)
} catch (MultipleCompilationErrorsException broken) {
    System.err.println(broken.message)
    System.exit(1)
}
def visitor = new CodeVisitorSupport() {
    void visitMethodCallExpression(MethodCallExpression call) {
        println "${call.methodAsString}\t${literals(call.arguments).join(' ')}"
        super.visitMethodCallExpression(call)
    }

    void visitBinaryExpression(BinaryExpression assignment) {
        println "${assignment.leftExpression.text}\t${literals(assignment.rightExpression).join(' ')}"
    }
}
unit.AST.modules.each { it.statementBlock.visit(visitor) }
