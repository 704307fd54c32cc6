"""Slow, independent NumPy/SciPy implementation of the model, written from its equations with loops.

Nothing here imports diffjax. Letters, as in the docstrings below:

    W (p, d), beta (p,)      frozen feature weights and biases
    e = exp(-t), Delta       forward process x_t = e x + sqrt(Delta) xi, Delta = 1 - e^2
    h = W x_t/sqrt(d) + beta pre-activations; score model s_A(x) = A phi(h)/sqrt(p), a = A/sqrt(p)
    cU (p, p)                average of E_xi[phi phi^T] over points (p*U of the literature)
    cV (p, d)                average of E_xi[phi xi^T]               (sqrt(p)*V)
    L_c = 1 + (2 sqrt(Delta)/d) Tr(a cV_c) + (Delta/d) Tr(a cU_c a^T), loss per dimension
    tau                      training time, dA/dtau = -d^2 grad_A L
"""
